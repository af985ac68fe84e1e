//! What unix sockets need that the standard library does not have: a connect that does not wait.

use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::Path;

use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};

/// Connects to the socket at `path` at once; the stream is non-blocking.
///
/// `WouldBlock` when as many connections as the listener's queue holds wait to be accepted: where its process is stuck,
/// a connect that blocks would wait for ever.
pub fn connect_now(path: &Path) -> io::Result<UnixStream> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let fd = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    connect(fd.as_raw_fd(), &UnixAddr::new(path)?)?;
    Ok(UnixStream::from(fd))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    fn a_full_queue_is_said_and_not_waited_for() {
        let path = std::env::temp_dir().join(format!("gsh-connect-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        assert_eq!(connect_now(&path).unwrap_err().kind(), io::ErrorKind::NotFound);
        let listener = UnixListener::bind(&path).unwrap();
        let mut waiting = Vec::new();
        let error = loop {
            match connect_now(&path) {
                Ok(stream) => waiting.push(stream),
                Err(error) => break error,
            }
        };
        assert!(error.kind() == io::ErrorKind::WouldBlock && !waiting.is_empty());
        drop(listener);
        let refused = connect_now(&path).unwrap_err().kind();
        assert_eq!(refused, io::ErrorKind::ConnectionRefused);
        std::fs::remove_file(&path).unwrap();
    }
}
