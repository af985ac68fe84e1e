//! Changes in a folder, told by the kernel (inotify) and not by looking again and again.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

/// A watch on one folder and the files directly in it. Its descriptor is readable when something changed.
#[derive(Debug)]
pub struct FolderWatch(Inotify);

impl FolderWatch {
    /// Watches `folder` for files that are written, made, renamed or removed.
    pub fn new(folder: &Path) -> io::Result<FolderWatch> {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
        let what = AddWatchFlags::IN_MODIFY
            | AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_MOVED_TO
            | AddWatchFlags::IN_DELETE;
        inotify.add_watch(folder, what)?;
        Ok(FolderWatch(inotify))
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
