//! An open file, whatever it is: regular ones are read in place while that is short and on the blocking
//! pool after that; pipes, terminals and devices are waited for like sockets.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use gshell_service::rt;
use nix::fcntl::OFlag;

/// Bytes of a regular file that are read on the executor thread: a small file is in the page cache more
/// often than not, and a hop to another thread costs more than reading it.
const IN_PLACE: usize = 64 * 1024;
/// Bytes of one piece read elsewhere.
const PIECE: usize = 256 * 1024;

/// See the module.
pub enum Source {
    /// A regular file, and how many bytes of it were read in place.
    Regular(Option<File>, usize),
    /// Something that can be waited for.
    Stream(rt::Io<File>),
}

/// Opening never waits (a pipe without a writer would), nor makes a terminal this process's own.
fn flags() -> i32 {
    (OFlag::O_NONBLOCK | OFlag::O_NOCTTY).bits()
}

impl Source {
    /// Opens a file for reading.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).custom_flags(flags()).open(path)?;
        Self::of(file)
    }

    /// Opens a file for writing, and makes it if there is none, with `mode` less the process's mask.
    pub fn create(path: &Path, append: bool, mode: Option<u32>) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options
            .write(true)
            .append(append)
            .truncate(!append)
            .create(true)
            .custom_flags(flags());
        options.mode(mode.unwrap_or(0o666));
        Self::of(options.open(path)?)
    }

    fn of(file: File) -> io::Result<Self> {
        let meta = file.metadata()?;
        if meta.is_file() {
            return Ok(Self::Regular(Some(file), 0));
        }
        if meta.is_dir() {
            return Err(ErrorKind::IsADirectory.into());
        }
        let spare = file.try_clone()?;
        match rt::Io::new(file) {
            Ok(io) => Ok(Self::Stream(io)),
            // Devices without waiting, such as /dev/null and /dev/zero, answer at once like files.
            Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(Self::Regular(Some(spare), 0)),
            Err(error) => Err(error),
        }
    }

    /// Reads a piece of at most `room` bytes to the end of `bytes`; gives its length, 0 at the end, and the
    /// bytes back.
    pub async fn read_into(&mut self, mut bytes: Vec<u8>, room: usize) -> io::Result<(usize, Vec<u8>)> {
        match self {
            Self::Stream(io) => {
                let mut piece = vec![0; room.min(IN_PLACE)];
                let count = io.read(&mut piece).await?;
                bytes.extend_from_slice(piece.get(..count).unwrap_or_default());
                Ok((count, bytes))
            }
            Self::Regular(file, done) if *done < IN_PLACE => {
                let Some(file) = file else { return Ok((0, bytes)) };
                let count = piece(file, &mut bytes, room.min(IN_PLACE - *done))?;
                *done += count;
                Ok((count, bytes))
            }
            Self::Regular(slot, _) => {
                let Some(mut file) = slot.take() else {
                    return Ok((0, bytes));
                };
                let (result, file, bytes) = rt::unblock(move || {
                    let result = piece(&mut file, &mut bytes, room.min(PIECE));
                    (result, file, bytes)
                })
                .await;
                *slot = Some(file);
                Ok((result?, bytes))
            }
        }
    }

    /// Writes all of `data` and closes the file.
    pub async fn write_all(self, data: Vec<u8>) -> io::Result<()> {
        match self {
            Self::Stream(io) => io.write_all(&data).await,
            Self::Regular(Some(mut file), _) => rt::unblock(move || file.write_all(&data)).await,
            Self::Regular(None, _) => Ok(()),
        }
    }
}

/// One read to the end of `bytes`.
fn piece(file: &mut File, bytes: &mut Vec<u8>, most: usize) -> io::Result<usize> {
    let old = bytes.len();
    bytes.resize(old + most, 0);
    let result = loop {
        match file.read(bytes.get_mut(old..).unwrap_or_default()) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            other => break other,
        }
    };
    bytes.truncate(old + result.as_ref().copied().unwrap_or(0));
    result
}
