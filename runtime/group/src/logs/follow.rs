//! A reader that goes on with a log.

use std::io;
use std::path::{Path, PathBuf};

use super::parts::{self, Parts};
use super::{last_lines, path_of};

/// What a follower gets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Piece {
    /// Bytes that were overwritten or dropped before those of `bytes`.
    pub lost: u64,
    /// What the log has that was not read yet.
    pub bytes: Vec<u8>,
}

/// A position in a log, in bytes since its start: so it stays right however the files are renamed.
#[derive(Clone, Debug)]
pub struct Follower {
    path: PathBuf,
    position: u64,
}

impl Follower {
    /// Follows the log `name` in `dir`, which need not exist yet. Also gives what it has already: all of it, or the last
    /// `lines` lines.
    pub fn open(dir: &Path, name: &str, lines: Option<u32>) -> io::Result<(Self, Vec<u8>)> {
        let path = path_of(dir, name)?;
        let parts = parts::read(&path)?;
        let position = parts
            .new
            .as_ref()
            .or(parts.old.as_ref())
            .map_or(0, parts::Part::end);
        let mut bytes = parts.join();
        if let Some(lines) = lines {
            bytes.drain(..last_lines(&bytes, lines));
        }
        Ok((Self { path, position }, bytes))
    }

    /// Reads what was written since the last time; an empty piece when nothing was.
    pub fn poll(&mut self) -> io::Result<Piece> {
        // Nearly always the position is in the file that is written, and only what follows has to be read.
        if let Some(part) = parts::read_new_from(&self.path, self.position)? {
            self.position = part.end();
            return Ok(Piece {
                lost: 0,
                bytes: part.bytes,
            });
        }
        let parts = parts::read(&self.path)?;
        Ok(self.advance(&parts))
    }

    /// Moves past everything in `parts` and gives what is new in it. Pure: no file is looked at.
    pub(super) fn advance(&mut self, parts: &Parts) -> Piece {
        let end = parts.new.as_ref().or(parts.old.as_ref()).map(parts::Part::end);
        if end.is_some_and(|end| end < self.position) {
            // Another log of the same name: it was removed and begun anew.
            self.position = 0;
        }
        let mut piece = Piece::default();
        for part in parts.old.iter().chain(&parts.new) {
            if part.end() <= self.position {
                continue;
            }
            piece.lost += part.start.saturating_sub(self.position);
            let known = self.position.saturating_sub(part.start) as usize;
            piece
                .bytes
                .extend_from_slice(part.bytes.get(known..).unwrap_or_default());
            self.position = part.end();
        }
        piece
    }

    /// Where it stands: bytes of the log before what comes next.
    pub fn position(&self) -> u64 {
        self.position
    }

    #[cfg(test)]
    pub(super) fn set_position(&mut self, position: u64) {
        self.position = position;
    }
}
