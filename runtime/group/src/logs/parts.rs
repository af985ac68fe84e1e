//! The two files of a log as a reader sees them.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::older;

/// Bytes of the line that each file starts with.
pub const HEADER: usize = 27;

/// Times that the files are read again when they do not fit together, because they were renamed in between.
const TRIES: u32 = 3;

/// Bytes of one file that are read: no ring is larger, whatever somebody put in its place.
const MOST: u64 = 16 * 1024 * 1024;

/// The line that a file starts with, when `start` bytes of the log came before it.
pub fn header(start: u64) -> [u8; HEADER] {
    let mut line = [0; HEADER];
    let text = format!("#log from {start:016x}\n");
    for (to, from) in line.iter_mut().zip(text.bytes()) {
        *to = from;
    }
    line
}

fn parse_header(bytes: &[u8]) -> Option<u64> {
    let line = bytes
        .get(..HEADER)?
        .strip_prefix(b"#log from ")?
        .strip_suffix(b"\n")?;
    u64::from_str_radix(std::str::from_utf8(line).ok()?, 16).ok()
}

/// A file without its header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// Bytes of the log before this.
    pub start: u64,
    /// What the file holds.
    pub bytes: Vec<u8>,
}

impl Part {
    /// Bytes of the log up to the end of this.
    pub fn end(&self) -> u64 {
        self.start.saturating_add(self.bytes.len() as u64)
    }
}

/// What there is of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// The older file.
    pub old: Option<Part>,
    /// The file that is written.
    pub new: Option<Part>,
}

impl Parts {
    /// All of it in order, with a note where something is missing in between.
    pub fn join(self) -> Vec<u8> {
        let (Some(old), Some(new)) = (&self.old, &self.new) else {
            return self.old.or(self.new).map(|part| part.bytes).unwrap_or_default();
        };
        let mut bytes = old.bytes.clone();
        let missing = new.start.saturating_sub(old.end());
        if missing > 0 {
            bytes.extend_from_slice(format!("\n[{missing} bytes are missing here]\n").as_bytes());
        }
        bytes.extend_from_slice(&new.bytes);
        bytes
    }

    /// Whether nothing lies between the two files.
    fn fit(&self) -> bool {
        match (&self.old, &self.new) {
            (Some(old), Some(new)) => old.end() == new.start,
            (Some(_), None) => false,
            (None, _) => true,
        }
    }
}

/// Reads both files. When they were renamed in between, which shows in their headers, they are read again.
pub fn read(path: &Path) -> io::Result<Parts> {
    let mut parts = Parts::default();
    for _ in 0..TRIES {
        let old = read_file(&older(path))?;
        let new = read_file(path)?;
        parts = assemble(old, new);
        if parts.fit() {
            break;
        }
    }
    Ok(parts)
}

/// Takes the headers off. A file without one follows the other, as far as anybody can tell.
fn assemble(old: Option<Vec<u8>>, new: Option<Vec<u8>>) -> Parts {
    let old = old.map(|bytes| part(bytes, 0));
    let new = new.map(|bytes| part(bytes, old.as_ref().map_or(0, Part::end)));
    match (&old, &new) {
        // What was the new file is the older one now, and was read twice.
        (Some(first), Some(second)) if first.start >= second.start => Parts { old: None, new: old },
        _ => Parts { old, new },
    }
}

fn part(mut bytes: Vec<u8>, otherwise: u64) -> Part {
    match parse_header(&bytes) {
        Some(start) => {
            bytes.drain(..HEADER);
            Part { start, bytes }
        }
        None => Part {
            start: otherwise,
            bytes,
        },
    }
}

fn read_file(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let Some(file) = open(path)? else { return Ok(None) };
    let mut bytes = Vec::new();
    file.take(MOST).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

fn open(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// What the file that is written has from position `from` of the log on; `None` when `from` is not in it.
pub fn read_new_from(path: &Path, from: u64) -> io::Result<Option<Part>> {
    let Some(mut file) = open(path)? else {
        return Ok(None);
    };
    let mut line = [0; HEADER];
    if let Err(error) = file.read_exact(&mut line) {
        return if error.kind() == io::ErrorKind::UnexpectedEof {
            Ok(None)
        } else {
            Err(error)
        };
    }
    let end = file.metadata()?.len();
    let Some(offset) = parse_header(&line).and_then(|start| from.checked_sub(start)) else {
        return Ok(None);
    };
    let Some(at) = offset.checked_add(HEADER as u64).filter(|at| *at <= end) else {
        return Ok(None);
    };
    file.seek(SeekFrom::Start(at))?;
    let mut bytes = Vec::new();
    file.take(MOST).read_to_end(&mut bytes)?;
    Ok(Some(Part { start: from, bytes }))
}
