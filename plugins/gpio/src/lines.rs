//! Lines that were requested: their levels and edges.

use std::fs::File;

use gpiocdev_uapi::v2::{self as uapi, LineEdgeEvent, LineValues};
use gshell_plugin_sdk::{Code, Error, Fields, Result, Value, Wait};

use crate::failure;
use crate::settings::{Wanted, level, levels, mask};

/// The lines of one request.
#[derive(Debug)]
pub struct Lines {
    /// The chip.
    path: String,
    offsets: Vec<u32>,
    file: File,
    edges: bool,
}

/// A level that changed.
#[derive(Clone, Debug, PartialEq, Fields)]
pub struct Edge {
    pub line: u32,
    pub edge: String,
    pub time: f64,
    pub nanoseconds: i64,
    pub number: u32,
    pub number_of_line: u32,
}

impl Lines {
    /// What the kernel gave.
    pub fn new(path: String, offsets: Vec<u32>, file: File, wanted: &Wanted) -> Lines {
        Lines {
            path,
            offsets,
            file,
            edges: wanted.sees_edges(),
        }
    }

    /// Another handle of the same lines.
    ///
    /// # Errors
    /// When there are too many open files.
    pub fn share(&self) -> Result<Lines> {
        let failed = |error| Error::new(Code::Limit, format!("{}: {error}", self.path));
        Ok(Lines {
            path: self.path.clone(),
            offsets: self.offsets.clone(),
            file: self.file.try_clone().map_err(failed)?,
            edges: self.edges,
        })
    }

    /// Their numbers.
    pub fn offsets(&self) -> &[u32] {
        &self.offsets
    }

    /// The place of a line in the request: that of the only one, if none is said.
    fn place(&self, line: Option<u32>) -> Result<usize> {
        let place = match line {
            None if self.offsets.len() == 1 => Some(0),
            None => {
                let text = format!(
                    "say which of the {} lines, or use all of them",
                    self.offsets.len()
                );
                return Err(Error::new(Code::Invalid, text));
            }
            Some(line) => self.offsets.iter().position(|offset| *offset == line),
        };
        place.ok_or_else(|| {
            let text = format!(
                "{}: line {} is not one of this request",
                self.path,
                line.unwrap_or(0)
            );
            Error::new(Code::NotFound, text)
        })
    }

    /// The level of a line.
    ///
    /// # Errors
    /// When it is not one of these, or the chip is gone.
    pub fn get(&self, line: Option<u32>) -> Result<bool> {
        let place = self.place(line)?;
        let mut levels = LineValues {
            bits: 0,
            mask: 1 << place,
        };
        self.ask(&mut levels)?;
        Ok(levels.get(place).unwrap_or_default())
    }

    /// The levels of all of them, at one time where the chip can do that.
    ///
    /// # Errors
    /// When the chip is gone.
    pub fn get_all(&self) -> Result<Vec<bool>> {
        let count = self.offsets.len();
        let mut levels = LineValues {
            bits: 0,
            mask: mask(count),
        };
        self.ask(&mut levels)?;
        Ok((0..count)
            .map(|place| levels.get(place).unwrap_or_default())
            .collect())
    }

    fn ask(&self, levels: &mut LineValues) -> Result<()> {
        uapi::get_line_values(&self.file, levels).map_err(|error| failure::failed(&self.path, &error))
    }

    /// Sets the level of a line.
    ///
    /// # Errors
    /// When it is no output, not one of these, or the chip is gone.
    pub fn set(&self, value: &Value, line: Option<u32>) -> Result<()> {
        let mut levels = LineValues::default();
        levels.set(self.place(line)?, level(value)?);
        self.tell(&levels)
    }

    /// Sets the levels of all of them, at one time where the chip can do that.
    ///
    /// # Errors
    /// When they are no outputs, there are more or fewer, or the chip is gone.
    pub fn set_all(&self, values: &[Value]) -> Result<()> {
        self.tell(&levels(values, self.offsets.len())?)
    }

    fn tell(&self, levels: &LineValues) -> Result<()> {
        uapi::set_line_values(&self.file, levels).map_err(|error| failure::failed(&self.path, &error))
    }

    /// Changes all settings.
    ///
    /// # Errors
    /// When they do not do what is wanted.
    pub fn configure(&mut self, wanted: &Wanted) -> Result<()> {
        if wanted.consumer.is_some() || wanted.buffer.is_some() {
            let text = "consumer and buffer are said when lines are requested";
            return Err(Error::new(Code::Invalid, text));
        }
        let config = wanted.config(self.offsets.len())?;
        uapi::set_line_config(&self.file, config)
            .map_err(|error| failure::unrequested(&self.path, &error))?;
        self.edges = wanted.sees_edges();
        Ok(())
    }

    /// The next edge; none when time is up.
    ///
    /// # Errors
    /// When no edges were asked for, the chip is gone, or nobody waits any more.
    pub fn wait(&self, wait: &mut Wait<'_, '_>) -> Result<Option<Edge>> {
        if !self.edges {
            let text = format!(
                "{}: no edges were asked for: request with edges = \"both\"",
                self.path
            );
            return Err(Error::new(Code::State, text));
        }
        while let Some(step) = wait.step()? {
            match uapi::wait_event(&self.file, step) {
                Ok(true) => return self.next().map(Some),
                Ok(false) => {}
                Err(error) if failure::is_interrupted(&error) => {}
                Err(error) => return Err(failure::failed(&self.path, &error)),
            }
        }
        Ok(None)
    }

    fn next(&self) -> Result<Edge> {
        let mut words = [0_u64; size_of::<LineEdgeEvent>() / 8];
        let event = uapi::read_event(&self.file, &mut words)
            .and_then(|len| LineEdgeEvent::from_slice(words.get(..len).unwrap_or_default()))
            .map_err(|error| failure::failed(&self.path, &error))?;
        Ok(Edge::of(event))
    }
}

impl Edge {
    fn of(event: &LineEdgeEvent) -> Edge {
        let rising = event.kind == uapi::LineEdgeEventKind::RisingEdge as u32;
        Edge {
            line: event.offset,
            edge: if rising { "rising" } else { "falling" }.to_owned(),
            time: event.timestamp_ns as f64 / 1e9,
            nanoseconds: i64::try_from(event.timestamp_ns).unwrap_or(i64::MAX),
            number: event.seqno,
            number_of_line: event.line_seqno,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_as_the_kernel_writes_them() {
        let words: Vec<u64> = {
            // Two numbers of 32 bits in the machine's order are one word.
            let pair = |a: u32, b: u32| match cfg!(target_endian = "big") {
                true => u64::from(a) << 32 | u64::from(b),
                false => u64::from(b) << 32 | u64::from(a),
            };
            vec![1_500_000_000, pair(2, 17), pair(5, 3), 0, 0, 0]
        };
        let edge = Edge::of(LineEdgeEvent::from_slice(&words).unwrap());
        let expected = Edge {
            line: 17,
            edge: "falling".to_owned(),
            time: 1.5,
            nanoseconds: 1_500_000_000,
            number: 5,
            number_of_line: 3,
        };
        assert_eq!(edge, expected);
        assert!(LineEdgeEvent::from_slice(&words[..5]).is_err());
    }

    /// Lines whose file is no request: what is found out before the kernel is asked.
    fn lines(offsets: &[u32]) -> Lines {
        let file = File::open("/dev/null").unwrap();
        Lines::new("chip".to_owned(), offsets.to_vec(), file, &Wanted::default())
    }

    #[test]
    fn which_line_is_meant() {
        assert_eq!(lines(&[4]).place(None).unwrap(), 0);
        assert_eq!(lines(&[4, 9]).place(Some(9)).unwrap(), 1);
        let error = lines(&[4, 9]).get(None).unwrap_err();
        assert_eq!(error.text(), "say which of the 2 lines, or use all of them");
        let error = lines(&[4]).set(&true.into(), Some(5)).unwrap_err();
        assert_eq!(
            (error.code(), error.text()),
            (Code::NotFound, "chip: line 5 is not one of this request")
        );
        let error = lines(&[4]).set_all(&[]).unwrap_err();
        assert_eq!(error.text(), "1 lines have as many levels, not 0");
        assert!(lines(&[4]).get(None).unwrap_err().text().starts_with("chip: "));
    }
}
