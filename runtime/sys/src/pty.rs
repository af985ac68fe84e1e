//! Pseudo-terminals.

use std::io;
use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;

use nix::fcntl::OFlag;
use nix::pty::{grantpt, posix_openpt, ptsname_r, unlockpt};

/// Opens a pair: the master, which a program drives, and the slave, which is a child's terminal. Both are
/// close-on-exec, and neither becomes the terminal of this process.
///
/// Not by openpty: it cannot set close-on-exec at once, so a child forked by another thread could keep the master
/// open. Fails when `/dev/ptmx` or `/dev/pts` is not there, or no pair is left.
pub fn open() -> io::Result<(OwnedFd, OwnedFd)> {
    let master = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    let slave = std::fs::File::options()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NOCTTY)
        .open(ptsname_r(&master)?)?;
    // SAFETY: from_raw_fd wants an open descriptor that nobody else owns; into_raw_fd has just given up its
    // ownership.
    let master = unsafe { OwnedFd::from_raw_fd(master.into_raw_fd()) };
    Ok((master, slave.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::fcntl::{FcntlArg, fcntl};
    use std::fs::File;
    use std::io::{Read, Write};

    #[test]
    fn bytes_cross_and_nothing_is_inherited() {
        let (master, slave) = open().unwrap();
        for fd in [&master, &slave] {
            assert_eq!(
                fcntl(fd, FcntlArg::F_GETFD).unwrap() & libc::FD_CLOEXEC,
                libc::FD_CLOEXEC
            );
        }
        let (mut master, mut slave) = (File::from(master), File::from(slave));
        master.write_all(b"line\n").unwrap();
        let mut buf = [0; 16];
        assert_eq!(slave.read(&mut buf).unwrap(), 5);
        assert_eq!(&buf[..5], b"line\n");
    }
}
