//! A chip: what it has, and requests for its lines.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileTypeExt;

use gpiocdev_uapi::v2::{self as uapi, ChipInfo, LineRequest, NUM_LINES_MAX, Name, Offsets};
use gshell_plugin_sdk::{Code, Error, Result, Value};

use crate::failure;
use crate::lines::Lines;
use crate::settings::{Info, Wanted};

/// An open chip.
#[derive(Debug)]
pub struct Chip {
    path: String,
    file: File,
    info: ChipInfo,
}

impl Chip {
    /// Opens a chip by its path or its name below `/dev`.
    ///
    /// # Errors
    /// When there is none, it may not be opened, or it is something else.
    pub fn open(name: &str) -> Result<Chip> {
        let path = match name.contains('/') {
            true => name.to_owned(),
            false => format!("/dev/{name}"),
        };
        let unopened = |error| failure::unopened(&path, &error);
        // Before it is opened: what is no device may wait for somebody else.
        if !fs::metadata(&path)
            .map_err(unopened)?
            .file_type()
            .is_char_device()
        {
            return Err(failure::no_chip(&path));
        }
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .map_err(unopened)?;
        let info = uapi::get_chip_info(&file).map_err(|error| failure::unasked(&path, &error))?;
        Ok(Chip { path, file, info })
    }

    /// Its path.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Its name, label and number of lines.
    pub fn info(&self) -> &ChipInfo {
        &self.info
    }

    /// What is known of a line.
    ///
    /// # Errors
    /// When there is none of this number, or the chip is gone.
    pub fn line(&self, offset: u32) -> Result<Info> {
        self.check(offset)?;
        let info =
            uapi::get_line_info(&self.file, offset).map_err(|error| failure::unknown(&self.path, &error))?;
        Ok(Info::of(&info))
    }

    /// What is known of all lines.
    ///
    /// # Errors
    /// When the chip is gone.
    pub fn lines(&self) -> Result<Vec<Info>> {
        (0..self.info.num_lines).map(|offset| self.line(offset)).collect()
    }

    /// The number of the line with a name, the first if several have it.
    ///
    /// # Errors
    /// When the chip is gone.
    pub fn find(&self, name: &str) -> Result<Option<u32>> {
        for offset in 0..self.info.num_lines {
            if self.line(offset)?.name.as_deref() == Some(name) {
                return Ok(Some(offset));
            }
        }
        Ok(None)
    }

    fn check(&self, offset: u32) -> Result<()> {
        if offset < self.info.num_lines {
            return Ok(());
        }
        let text = match self.info.num_lines {
            0 => format!("{}: no line {offset}: the chip has none", self.path),
            count => format!(
                "{}: no line {offset}: the chip has lines 0 to {}",
                self.path,
                count - 1
            ),
        };
        Err(Error::new(Code::NotFound, text))
    }

    /// Numbers of lines that a script names: one by its number or name, or a list of these.
    fn chosen(&self, lines: &Value) -> Result<Vec<u32>> {
        match lines {
            Value::Integer(_) | Value::Bytes(_) => Ok(vec![self.one(lines)?]),
            Value::Table(pairs) => {
                let items = (1..=pairs.len() as i64).map(|at| lines.get(at).unwrap_or(&Value::Nil));
                items.map(|line| self.one(line)).collect()
            }
            _ => Err(unnamed()),
        }
    }

    fn one(&self, line: &Value) -> Result<u32> {
        match line {
            Value::Integer(number) => {
                let number = u32::try_from(*number).unwrap_or(u32::MAX);
                self.check(number).map(|()| number)
            }
            Value::Bytes(_) => {
                let name = line.as_str().unwrap_or_default();
                let missing = || {
                    let text = format!(
                        "{}: no line is called {name:?}; chip:lines() lists them",
                        self.path
                    );
                    Error::new(Code::NotFound, text)
                };
                self.find(name)?.ok_or_else(missing)
            }
            _ => Err(unnamed()),
        }
    }

    /// Requests lines for this process alone.
    ///
    /// # Errors
    /// When there are no such lines, somebody has one, or they do not do what is wanted.
    pub fn request(&self, lines: &Value, wanted: &Wanted) -> Result<Lines> {
        let offsets = self.chosen(lines)?;
        if !(1..=NUM_LINES_MAX).contains(&offsets.len()) {
            let text = format!("a request has 1 to {NUM_LINES_MAX} lines, not {}", offsets.len());
            return Err(Error::new(Code::Limit, text));
        }
        let request = LineRequest {
            offsets: Offsets::from_slice(&offsets),
            consumer: Name::from(wanted.consumer.as_deref().unwrap_or("gshell")),
            config: wanted.config(offsets.len())?,
            num_lines: offsets.len() as u32,
            event_buffer_size: wanted.buffer.unwrap_or(0),
            ..LineRequest::default()
        };
        match uapi::get_line(&self.file, request) {
            Ok(file) => Ok(Lines::new(self.path.clone(), offsets, file, wanted)),
            Err(error) if failure::is_busy(&error) => Err(self.busy(&offsets)),
            Err(error) => Err(failure::unrequested(&self.path, &error)),
        }
    }

    /// The error that somebody has one of these lines.
    fn busy(&self, offsets: &[u32]) -> Error {
        let infos = offsets.iter().filter_map(|offset| self.line(*offset).ok());
        let text = match infos.into_iter().find(|info| info.used) {
            Some(info) => format!(
                "{}: line {} is used by {}; stop that one first",
                self.path,
                info.line,
                info.consumer.as_deref().unwrap_or("the kernel")
            ),
            None => format!(
                "{}: one of the lines is used twice or by somebody else",
                self.path
            ),
        };
        Error::new(Code::Busy, text)
    }
}

fn unnamed() -> Error {
    Error::new(Code::Invalid, "lines are a number, a name, or a list of these")
}
