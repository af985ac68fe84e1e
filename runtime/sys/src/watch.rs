//! Changes in a folder, told by the kernel (inotify) and not by looking again and again.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

/// A watch on one folder and the files directly in it. Its descriptor is readable when something changed.
#[derive(Debug)]
pub struct FolderWatch(Inotify);

impl FolderWatch {
    /// Watches `folder` for files that are written, made, renamed or removed, or get another mode (a socket file gets its
    /// mode when it listens), and for its own end.
    pub fn new(folder: &Path) -> io::Result<FolderWatch> {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
        let what = AddWatchFlags::IN_MODIFY
            | AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_MOVED_TO
            | AddWatchFlags::IN_ATTRIB
            | AddWatchFlags::IN_DELETE_SELF
            | AddWatchFlags::IN_MOVE_SELF
            | AddWatchFlags::IN_DELETE;
        inotify.add_watch(folder, what)?;
        Ok(FolderWatch(inotify))
    }

    /// Waits until something changed, for at most `limit` (`None`: for ever); for threads without an executor.
    pub fn wait(&self, limit: Option<Duration>) {
        let limit = limit.map_or(PollTimeout::NONE, |limit| {
            // Rounded up, so that the end of a limit is not awaited in a loop of waits of nothing.
            let millis = limit.as_micros().div_ceil(1000);
            PollTimeout::try_from(millis).unwrap_or(PollTimeout::MAX)
        });
        // An interrupted wait is one that is over early; its caller looks again.
        let _ = poll(&mut [PollFd::new(self.as_fd(), PollFlags::POLLIN)], limit);
    }

    /// Takes the events that are there. `WouldBlock` when there are none.
    pub fn drain(&self) -> io::Result<()> {
        self.0.read_events()?;
        loop {
            match self.0.read_events() {
                Ok(_) => {}
                Err(Errno::EAGAIN) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl AsFd for FolderWatch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_in_the_folder_is_seen() {
        let folder = std::env::temp_dir().join(format!("gsh-watch-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let watch = FolderWatch::new(&folder).unwrap();
        assert_eq!(watch.drain().unwrap_err().kind(), io::ErrorKind::WouldBlock);
        std::fs::write(folder.join("a"), b"x").unwrap();
        watch.drain().unwrap();
        assert_eq!(watch.drain().unwrap_err().kind(), io::ErrorKind::WouldBlock);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
