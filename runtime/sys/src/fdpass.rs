//! Descriptors over unix sockets (SCM_RIGHTS), and the socket pairs to send them over.
//!
//! What a peer passes is open in this process from the moment it is received. So receiving takes ownership of
//! everything that arrived before it looks at whether the message was whole: a refused message leaks nothing.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::sys::socket::{AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, sendmsg, socketpair};

/// Descriptors that one message carries at most.
pub const MAX_FDS: usize = 8;

/// Bytes for the control message of `MAX_FDS` descriptors: a header (at most 16 bytes) and 4 bytes for each.
const CONTROL: usize = 16 + 4 * MAX_FDS;

/// The kernel's header needs the alignment of a `usize`; this has at least that.
#[repr(C, align(8))]
struct ControlBuffer([u8; CONTROL]);

/// Sends `bytes` with up to [`MAX_FDS`] descriptors and gives the number of bytes taken.
///
/// `bytes` must not be empty when descriptors go along, because an empty message looks like the end of the
/// stream. Fails with `InvalidInput` for that and for too many descriptors, with `WouldBlock` on a full
/// nonblocking socket, and with `BrokenPipe` (never a SIGPIPE) when the peer is gone.
pub fn send(sock: BorrowedFd<'_>, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<usize> {
    if fds.len() > MAX_FDS || (bytes.is_empty() && !fds.is_empty()) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "cannot pass these descriptors in one message",
        ));
    }
    let raw: Vec<RawFd> = fds.iter().map(AsRawFd::as_raw_fd).collect();
    let rights = [ControlMessage::ScmRights(&raw)];
    let control: &[ControlMessage<'_>] = if raw.is_empty() { &[] } else { &rights };
    loop {
        match sendmsg::<()>(
            sock.as_raw_fd(),
            &[IoSlice::new(bytes)],
            control,
            MsgFlags::MSG_NOSIGNAL,
            None,
        ) {
            Err(nix::errno::Errno::EINTR) => {}
            other => return Ok(other?),
        }
    }
}

/// Receives into `buf` and gives the number of bytes (0: the peer closed) and the descriptors that came along,
/// close-on-exec.
///
/// Fails with `InvalidData`, and closes what came, when the message did not fit: more than [`MAX_FDS`]
/// descriptors, no room in this process' descriptor table, or (on a packet socket) more bytes than `buf` holds.
pub fn recv(sock: BorrowedFd<'_>, buf: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut control = ControlBuffer([0; CONTROL]);
    let mut iov = libc::iovec {
        iov_base: buf.as_mut_ptr().cast(),
        iov_len: buf.len(),
    };
    // SAFETY: msghdr is a C struct of integers and pointers (with private padding on some targets), for which
    // all bits zero is a valid value.
    let mut header: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    header.msg_iov = &raw mut iov;
    header.msg_iovlen = 1;
    header.msg_control = control.0.as_mut_ptr().cast();
    header.msg_controllen = control_len() as _;

    let received = retry(|| {
        // SAFETY: recvmsg wants an open socket: `sock` is borrowed for the call. It wants a valid header whose
        // iovec and control area may be written for their stated lengths: both point into `buf` and `control`,
        // which are exclusively borrowed or owned here, live until the end of the function, and have these
        // lengths.
        unsafe { libc::recvmsg(sock.as_raw_fd(), &raw mut header, libc::MSG_CMSG_CLOEXEC) }
    })?;

    // SAFETY: `header` was filled by a successful recvmsg just now and its control area (`control`) is alive;
    // its descriptors have not been taken before.
    let fds = unsafe { take_fds(&header) };
    if header.msg_flags & (libc::MSG_CTRUNC | libc::MSG_TRUNC) != 0 {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "a message with descriptors was truncated",
        ));
    }
    Ok((received, fds))
}

/// Exactly the room for `MAX_FDS` descriptors. Without the padding behind them, where some targets could fit one
/// more.
fn control_len() -> usize {
    let payload = (MAX_FDS * size_of::<RawFd>()) as libc::c_uint;
    // SAFETY: computes a length only; no memory is touched.
    (unsafe { libc::CMSG_LEN(payload) } as usize).min(CONTROL)
}

fn retry(mut call: impl FnMut() -> isize) -> io::Result<usize> {
    loop {
        if let Ok(count) = usize::try_from(call()) {
            return Ok(count);
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// Takes ownership of all descriptors in the control messages of a received header.
///
/// # Safety
/// `header` comes from a successful `recvmsg`, its control area is still alive, and this is called once for it.
unsafe fn take_fds(header: &libc::msghdr) -> Vec<OwnedFd> {
    let mut fds = Vec::new();
    // SAFETY: the header and its control area are valid (condition of this function), and the kernel has set
    // msg_controllen to what it wrote.
    let mut cursor = unsafe { libc::CMSG_FIRSTHDR(header) };
    while !cursor.is_null() {
        // SAFETY: FIRSTHDR and NXTHDR give null or a header that lies within the control area, which is
        // sufficiently aligned for it.
        let message = unsafe { &*cursor };
        if message.cmsg_level == libc::SOL_SOCKET && message.cmsg_type == libc::SCM_RIGHTS {
            // SAFETY: computes an offset only; no memory is touched.
            let head = unsafe { libc::CMSG_LEN(0) } as usize;
            let bytes = (message.cmsg_len as usize).saturating_sub(head);
            // SAFETY: `cursor` points to a valid header; the data starts right behind it.
            let data = unsafe { libc::CMSG_DATA(cursor) }.cast::<RawFd>();
            for index in 0..bytes / size_of::<RawFd>() {
                // SAFETY: the kernel wrote `bytes` bytes of descriptors at `data`, so this element is within
                // them; alignment is not assumed.
                let fd = unsafe { data.add(index).read_unaligned() };
                // SAFETY: the kernel made this descriptor for us in the recvmsg call; nobody else owns it, as
                // it is taken once (condition of this function).
                fds.push(unsafe { OwnedFd::from_raw_fd(fd) });
            }
        }
        // SAFETY: `header` and `cursor` are valid and belong together.
        cursor = unsafe { libc::CMSG_NXTHDR(header, cursor) };
    }
    fds
}

/// A connected pair of packet sockets (SOCK_SEQPACKET: message boundaries and end of file), close-on-exec,
/// blocking.
pub fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(
        AddressFamily::Unix,
        SockType::SeqPacket,
        None,
        SockFlag::SOCK_CLOEXEC,
    )?)
}

/// A connected pair of stream sockets, close-on-exec, blocking.
pub fn stream_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(
        AddressFamily::Unix,
        SockType::Stream,
        None,
        SockFlag::SOCK_CLOEXEC,
    )?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::{Read, Write};
    use std::os::fd::AsFd;

    #[test]
    fn a_descriptor_crosses() {
        let (a, b) = pair().unwrap();
        let (read, write) = stream_pair().unwrap();
        assert_eq!(
            send(a.as_fd(), b"hello", &[write.as_fd(), read.as_fd()]).unwrap(),
            5
        );
        drop((write, read));
        let mut buf = [0; 16];
        let (len, fds) = recv(b.as_fd(), &mut buf).unwrap();
        assert_eq!((&buf[..len], fds.len()), (&b"hello"[..], 2));
        for fd in &fds {
            let flags = nix::fcntl::fcntl(fd, nix::fcntl::FcntlArg::F_GETFD).unwrap();
            assert_eq!(flags & libc::FD_CLOEXEC, libc::FD_CLOEXEC);
        }
        let mut fds = fds.into_iter();
        let mut write = File::from(fds.next().unwrap());
        let mut read = File::from(fds.next().unwrap());
        write.write_all(b"through").unwrap();
        drop(write);
        let mut text = String::new();
        read.read_to_string(&mut text).unwrap();
        assert_eq!(text, "through");
    }

    #[test]
    fn end_of_file_and_plain_messages() {
        let (a, b) = pair().unwrap();
        send(a.as_fd(), b"one", &[]).unwrap();
        send(a.as_fd(), b"two", &[]).unwrap();
        drop(a);
        let mut buf = [0; 16];
        assert_eq!(recv(b.as_fd(), &mut buf).unwrap().0, 3);
        assert_eq!(recv(b.as_fd(), &mut buf).unwrap().0, 3);
        let (len, fds) = recv(b.as_fd(), &mut buf).unwrap();
        assert_eq!((len, fds.len()), (0, 0));
        assert_eq!(
            send(b.as_fd(), b"x", &[]).unwrap_err().kind(),
            io::ErrorKind::BrokenPipe
        );
    }

    #[test]
    fn too_many_are_refused_on_both_sides() {
        let (a, b) = pair().unwrap();
        let (probe, passed) = stream_pair().unwrap();
        let nine = [passed.as_fd(); MAX_FDS + 1];
        assert_eq!(
            send(a.as_fd(), b"x", &nine).unwrap_err().kind(),
            io::ErrorKind::InvalidInput
        );
        assert_eq!(
            send(a.as_fd(), b"", &nine[..1]).unwrap_err().kind(),
            io::ErrorKind::InvalidInput
        );

        let raw = [passed.as_raw_fd(); MAX_FDS + 1];
        let rights = [ControlMessage::ScmRights(&raw)];
        sendmsg::<()>(
            a.as_raw_fd(),
            &[IoSlice::new(b"x")],
            &rights,
            MsgFlags::empty(),
            None,
        )
        .unwrap();
        drop(passed);
        let error = recv(b.as_fd(), &mut [0; 4]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        // Nothing that came is left open: the other end sees the end of the stream.
        assert_eq!(recv(probe.as_fd(), &mut [0; 4]).unwrap().0, 0);
    }

    #[test]
    fn a_long_packet_is_an_error() {
        let (a, b) = pair().unwrap();
        let (probe, passed) = stream_pair().unwrap();
        send(a.as_fd(), b"too long", &[passed.as_fd()]).unwrap();
        drop(passed);
        assert_eq!(
            recv(b.as_fd(), &mut [0; 4]).unwrap_err().kind(),
            io::ErrorKind::InvalidData
        );
        assert_eq!(recv(probe.as_fd(), &mut [0; 4]).unwrap().0, 0);
    }

    #[test]
    fn nonblocking_says_so() {
        let (a, _b) = pair().unwrap();
        crate::fdio::set_nonblocking(a.as_fd(), true).unwrap();
        assert_eq!(
            recv(a.as_fd(), &mut [0; 4]).unwrap_err().kind(),
            io::ErrorKind::WouldBlock
        );
    }
}
