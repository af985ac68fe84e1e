//! Reading, writing and mode of plain descriptors, for callers that hold an `AsFd` and no `std` type.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::socket::{MsgFlags, sendmsg};

/// Reads up to `buf.len()` bytes; 0 is end of file.
pub fn read(fd: BorrowedFd<'_>, buf: &mut [u8]) -> io::Result<usize> {
    Ok(nix::unistd::read(fd, buf)?)
}

/// Writes some of `bytes` and returns how many. A broken socket gives `EPIPE`, not a signal,
/// in a process that ignores `SIGPIPE` (all of gshell's do).
pub fn write(fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    Ok(nix::unistd::write(fd, bytes)?)
}

/// As [`read`], for sockets: shorter on its way through the kernel.
pub fn recv(fd: BorrowedFd<'_>, buf: &mut [u8]) -> io::Result<usize> {
    Ok(nix::sys::socket::recv(fd.as_raw_fd(), buf, MsgFlags::empty())?)
}

/// As [`write()`], for sockets; a peer that is gone is an error and never a signal, whatever the program does with those.
pub fn send(fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    Ok(nix::sys::socket::send(
        fd.as_raw_fd(),
        bytes,
        MsgFlags::MSG_NOSIGNAL,
    )?)
}

/// Most pieces of one [`send_pieces`].
pub const PIECES: usize = 8;

/// As [`send`], for bytes that lie in several places, [`PIECES`] at most; of more the first ones.
pub fn send_pieces(fd: BorrowedFd<'_>, pieces: &[&[u8]]) -> io::Result<usize> {
    let mut slices = [IoSlice::new(&[]); PIECES];
    for (slice, piece) in slices.iter_mut().zip(pieces) {
        *slice = IoSlice::new(piece);
    }
    let slices = slices.get(..pieces.len()).unwrap_or(&slices);
    let flags = MsgFlags::MSG_NOSIGNAL;
    Ok(sendmsg::<()>(fd.as_raw_fd(), slices, &[], flags, None)?)
}

/// Switches `O_NONBLOCK` on the open file description behind `fd`.
pub fn set_nonblocking(fd: impl AsFd, on: bool) -> io::Result<()> {
    let flags = OFlag::from_bits_truncate(fcntl(fd.as_fd(), FcntlArg::F_GETFL)?);
    let wanted = if on {
        flags | OFlag::O_NONBLOCK
    } else {
        flags - OFlag::O_NONBLOCK
    };
    if wanted != flags {
        fcntl(fd.as_fd(), FcntlArg::F_SETFL(wanted))?;
    }
    Ok(())
}

/// Number of a descriptor, for messages.
pub fn number(fd: impl AsFd) -> i32 {
    fd.as_fd().as_raw_fd()
}
