//! Terminals: their size, and modes that are put back at the end.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::sys::termios::{
    InputFlags, LocalFlags, SetArg, SpecialCharacterIndices as Special, Termios, cfmakeraw, tcgetattr,
    tcsetattr,
};

/// Ctrl-P, the first of the keys that detach.
pub const CTRL_P: u8 = 0x10;

/// Ctrl-Q, the second of the keys that detach.
pub const CTRL_Q: u8 = 0x11;

/// Whether `fd` is a terminal.
pub fn is_tty(fd: BorrowedFd<'_>) -> bool {
    io::IsTerminal::is_terminal(&fd)
}

/// Columns and rows of the terminal; `None` when it is none or does not know (a serial line).
pub fn window_size(fd: BorrowedFd<'_>) -> Option<(u16, u16)> {
    let mut size = libc::winsize {
        ws_row: 0,
        ws_col: 0,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: TIOCGWINSZ writes one winsize to the given place, which is `size`; the borrow keeps `fd` open.
    let got = unsafe { libc::ioctl(fd.as_raw_fd(), libc::TIOCGWINSZ, &raw mut size) };
    (got == 0 && size.ws_col > 0 && size.ws_row > 0).then_some((size.ws_col, size.ws_row))
}

/// Tells the terminal its size; its foreground processes get SIGWINCH when that is a change. Fails when `fd` is no
/// terminal.
pub fn set_window_size(fd: BorrowedFd<'_>, cols: u16, rows: u16) -> io::Result<()> {
    let size = libc::winsize {
        ws_row: rows,
        ws_col: cols,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: TIOCSWINSZ reads one winsize from the given place, which is `size`; the borrow keeps `fd` open.
    match unsafe { libc::ioctl(fd.as_raw_fd(), libc::TIOCSWINSZ, &raw const size) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// A changed mode of a terminal, and what it was before.
struct Changed {
    fd: OwnedFd,
    before: Termios,
}

impl Changed {
    fn apply(fd: BorrowedFd<'_>, change: impl FnOnce(&mut Termios)) -> io::Result<Changed> {
        let fd = fd.try_clone_to_owned()?;
        let before = tcgetattr(&fd)?;
        let mut mode = before.clone();
        change(&mut mode);
        // At once: waiting for output to drain could last for ever behind a stopped terminal.
        tcsetattr(&fd, SetArg::TCSANOW, &mode)?;
        Ok(Changed { fd, before })
    }
}

impl Drop for Changed {
    fn drop(&mut self) {
        // A terminal that is gone has no mode to restore.
        let _ = tcsetattr(&self.fd, SetArg::TCSANOW, &self.before);
    }
}

/// Line editing and echo stay with the terminal, but Ctrl-P and Ctrl-Q end a read at once as a newline does: the
/// reader gets what was typed up to the key, with the key. Dropping it restores the mode.
///
/// With flow control on, the terminal would keep Ctrl-Q for itself, so that is off meanwhile.
pub struct CookedKeys(Changed);

impl CookedKeys {
    /// Changes the mode of the terminal `fd`. Fails when it is none.
    pub fn enter(fd: BorrowedFd<'_>) -> io::Result<CookedKeys> {
        Changed::apply(fd, |mode| {
            mode.input_flags.remove(InputFlags::IXON);
            // VEOL2 works with IEXTEN only.
            mode.local_flags |= LocalFlags::ICANON | LocalFlags::IEXTEN | LocalFlags::ECHO;
            mode.control_chars[Special::VEOL as usize] = CTRL_P;
            mode.control_chars[Special::VEOL2 as usize] = CTRL_Q;
        })
        .map(CookedKeys)
    }
}

impl AsFd for CookedKeys {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.fd.as_fd()
    }
}

/// Every byte goes to the reader as it is typed: no editing, echo, signals or translation. Dropping it restores the
/// mode.
pub struct Raw(Changed);

impl Raw {
    /// Changes the mode of the terminal `fd`. Fails when it is none.
    pub fn enter(fd: BorrowedFd<'_>) -> io::Result<Raw> {
        Changed::apply(fd, cfmakeraw).map(Raw)
    }
}

impl AsFd for Raw {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.fd.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pty;
    use std::fs::File;
    use std::io::{Read, Write};

    fn read(file: &mut File) -> Vec<u8> {
        let mut buf = [0; 64];
        let len = file.read(&mut buf).unwrap();
        buf[..len].to_vec()
    }

    /// What the guards change. Not all of `Termios`: the C library's table of keys is longer than the kernel's, and
    /// nobody fills the rest.
    fn mode(file: &File) -> (InputFlags, LocalFlags, [u8; 2]) {
        let mode = tcgetattr(file).unwrap();
        let keys = [Special::VEOL, Special::VEOL2].map(|key| mode.control_chars[key as usize]);
        (mode.input_flags, mode.local_flags, keys)
    }

    #[test]
    fn size_and_kind() {
        let (master, slave) = pty::open().unwrap();
        assert!(is_tty(slave.as_fd()));
        assert_eq!(window_size(slave.as_fd()), None);
        set_window_size(master.as_fd(), 132, 43).unwrap();
        assert_eq!(window_size(slave.as_fd()), Some((132, 43)));
        let null = File::open("/dev/null").unwrap();
        assert!(!is_tty(null.as_fd()));
        assert_eq!(window_size(null.as_fd()), None);
        assert!(set_window_size(null.as_fd(), 1, 1).is_err());
        assert!(CookedKeys::enter(null.as_fd()).is_err() && Raw::enter(null.as_fd()).is_err());
    }

    #[test]
    fn detach_keys_come_at_once_and_editing_stays() {
        let (master, slave) = pty::open().unwrap();
        let (mut keys, mut slave) = (File::from(master), File::from(slave));
        let before = mode(&slave);
        let guard = CookedKeys::enter(slave.as_fd()).unwrap();
        keys.write_all(b"ax\x7fb\x10").unwrap();
        assert_eq!(read(&mut slave), b"ab\x10");
        keys.write_all(b"\x11").unwrap();
        assert_eq!(read(&mut slave), b"\x11");
        keys.write_all(b"line\n").unwrap();
        assert_eq!(read(&mut slave), b"line\n");
        drop(guard);
        assert_eq!(mode(&slave), before);
    }

    #[test]
    fn raw_passes_everything() {
        let (master, slave) = pty::open().unwrap();
        let (mut keys, mut slave) = (File::from(master), File::from(slave));
        let before = mode(&slave);
        let guard = Raw::enter(slave.as_fd()).unwrap();
        keys.write_all(b"\x03\r\x7f").unwrap();
        assert_eq!(read(&mut slave), b"\x03\r\x7f");
        slave.write_all(b"\n").unwrap();
        assert_eq!(read(&mut keys), b"\n");
        drop(guard);
        assert_eq!(mode(&slave), before);
    }
}
