//! What TCP sockets need that the standard library does not have: a connect that does not block, and keepalive.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrStorage, connect, listen, setsockopt, socket, sockopt,
};

/// Begins to connect to `addr`; the stream is non-blocking. It is connected when it becomes writable and
/// [`connected`] says so.
pub fn start_connect(addr: SocketAddr) -> io::Result<TcpStream> {
    let family = match addr {
        SocketAddr::V4(_) => AddressFamily::Inet,
        SocketAddr::V6(_) => AddressFamily::Inet6,
    };
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let fd = socket(family, SockType::Stream, flags, None)?;
    match connect(fd.as_raw_fd(), &SockaddrStorage::from(addr)) {
        Ok(()) | Err(Errno::EINPROGRESS) => Ok(TcpStream::from(fd)),
        Err(error) => Err(error.into()),
    }
}

/// Whether a stream of [`start_connect`] is connected by now: `WouldBlock` while it is not, another error when it never
/// will be.
pub fn connected(stream: &TcpStream) -> io::Result<()> {
    if let Some(error) = stream.take_error()? {
        return Err(error);
    }
    match stream.peer_addr() {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Err(io::ErrorKind::WouldBlock.into()),
        Err(error) => Err(error),
    }
}

/// Lets the kernel ask a peer that was silent for `idle` for a sign of life, `probes` times every `interval`, and break
/// the connection after that.
pub fn keepalive(stream: &TcpStream, idle: Duration, interval: Duration, probes: u32) -> io::Result<()> {
    let seconds = |time: Duration| u32::try_from(time.as_secs()).unwrap_or(u32::MAX).max(1);
    setsockopt(stream, sockopt::KeepAlive, &true)?;
    setsockopt(stream, sockopt::TcpKeepIdle, &seconds(idle))?;
    setsockopt(stream, sockopt::TcpKeepInterval, &seconds(interval))?;
    setsockopt(stream, sockopt::TcpKeepCount, &probes)?;
    Ok(())
}

/// Bounds the connections that wait to be accepted.
pub fn set_backlog(listener: &TcpListener, waiting: i32) -> io::Result<()> {
    let backlog = Backlog::new(waiting)?;
    Ok(listen(listener, backlog)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn wait(stream: &TcpStream) -> io::Result<()> {
        for _ in 0..1000 {
            match connected(stream) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                other => return other,
            }
        }
        Err(io::ErrorKind::TimedOut.into())
    }

    #[test]
    fn connects_and_says_why_not() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let addr = listener.local_addr().unwrap();
        let stream = start_connect(addr).unwrap();
        wait(&stream).unwrap();
        keepalive(&stream, Duration::from_secs(30), Duration::from_secs(5), 3).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), addr);
        drop((listener, stream));
        let refused = start_connect(addr).and_then(|stream| wait(&stream));
        assert_eq!(
            refused.map_err(|error| error.kind()),
            Err(io::ErrorKind::ConnectionRefused)
        );
    }
}
