//! The writer of a log.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::parts::{self, HEADER, Part};
use super::{older, path_of};

/// Smallest half of a ring: below it a single long line would rotate it.
const SMALLEST_HALF: u32 = 1024;

/// Writes one log. Nothing here fails for the caller: what cannot be written is dropped and counted, and a reader sees
/// that it is missing.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    /// Bytes of one file at most, header included.
    half: u32,
    file: Option<File>,
    /// Bytes in the file, header included.
    size: u32,
    /// Bytes of the log so far, also those that were dropped.
    total: u64,
    dropped: u64,
    /// Something was dropped after what the file holds: what follows belongs into a new file, whose header counts it.
    broken: bool,
    /// The files were removed by somebody who wants the log gone.
    removed: bool,
}

impl Log {
    /// The log `name` in `dir`, of at most `ring` bytes on disk. It goes on where an earlier writer stopped; its file is
    /// made when there is something to write. Fails for a name that is not allowed or an existing log that cannot be
    /// read.
    pub fn open(dir: &Path, name: &str, ring: u32) -> io::Result<Self> {
        let path = path_of(dir, name)?;
        let mut log = Self {
            half: (ring / 2).max(SMALLEST_HALF),
            file: None,
            size: 0,
            total: 0,
            dropped: 0,
            broken: false,
            removed: false,
            path,
        };
        let found = parts::read(&log.path)?;
        log.total = found.new.as_ref().or(found.old.as_ref()).map_or(0, Part::end);
        if log.path.exists() {
            log.reopen()?;
        }
        Ok(log)
    }

    /// Goes on with the file of an earlier writer.
    fn reopen(&mut self) -> io::Result<()> {
        let file = OpenOptions::new().append(true).open(&self.path)?;
        self.size = u32::try_from(file.metadata()?.len()).unwrap_or(u32::MAX);
        self.file = Some(file);
        // A file whose header does not read cannot be counted on.
        self.broken = parts::read_new_from(&self.path, self.total)?.is_none();
        Ok(())
    }

    /// Appends `bytes` by a single write. Of more than a file holds only the end is kept.
    pub fn append(&mut self, bytes: &[u8]) {
        let room = self.half as usize - HEADER;
        let (cut, kept) = bytes.split_at(bytes.len().saturating_sub(room));
        self.drop_bytes(cut.len());
        if kept.is_empty() {
            return;
        }
        let fits = self.size as usize + kept.len() <= self.half as usize;
        let written = match &self.file {
            _ if self.removed => Err(io::ErrorKind::NotFound.into()),
            Some(file) if fits && !self.broken => write_some(file, kept),
            _ => self.begin_file(kept),
        };
        let written = written.unwrap_or(0);
        self.size = self.size.saturating_add(written as u32);
        self.total += written as u64;
        self.drop_bytes(kept.len() - written);
    }

    fn drop_bytes(&mut self, count: usize) {
        if count > 0 {
            self.dropped += count as u64;
            self.total += count as u64;
            self.broken = true;
        }
    }

    /// Starts a new file with `bytes` and gives how many of them were written.
    fn begin_file(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.size as usize > HEADER {
            match fs::rename(&self.path, older(&self.path)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    self.removed = true;
                    self.file = None;
                    return Err(error);
                }
                other => other?,
            }
        }
        self.file = None;
        self.size = 0;
        let file = create(&self.path)?;
        let first = [&parts::header(self.total), bytes].concat();
        let written = write_some(&file, &first)?;
        self.file = Some(file);
        if written < HEADER {
            // The disk is full. The next call starts the file anew.
            self.broken = true;
            return Ok(0);
        }
        self.size = HEADER as u32;
        self.broken = false;
        Ok(written - HEADER)
    }

    /// Bytes that could not be kept.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Bytes of the log so far, also those that are overwritten or dropped by now.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Everything that the log still has.
    pub fn read_all(&self) -> io::Result<Vec<u8>> {
        Ok(parts::read(&self.path)?.join())
    }
}

/// The folder may be missing: the runtime folder is memory, and somebody may have emptied it.
fn create(path: &Path) -> io::Result<File> {
    let open = || {
        OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(true)
            .mode(0o640)
            .open(path)
    };
    match open() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(path.parent().unwrap_or(path))?;
            open()
        }
        other => other,
    }
}

/// One write; it may be short when the disk fills up.
fn write_some(mut file: &File, bytes: &[u8]) -> io::Result<usize> {
    loop {
        match file.write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}
