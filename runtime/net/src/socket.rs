//! What a connection runs over.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use gshell_sys::fdio;
use gshell_sys::peer::{self, Credentials};

use crate::tcp;

/// How far away two ends of a connection are, from near to far. The numbers are the bits of a set of scopes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Scope {
    /// In one process.
    Process = 1,
    /// On one machine.
    Os = 2,
    /// In one network.
    Lan = 4,
    /// Anywhere.
    Wan = 8,
}

impl Scope {
    /// All, from near to far.
    pub const ALL: [Scope; 4] = [Scope::Process, Scope::Os, Scope::Lan, Scope::Wan];

    /// The bit in a set of scopes.
    pub const fn bit(self) -> u8 {
        self as u8
    }

    /// The scope of a connection to or from `addr`: an address that no router between networks passes on is near.
    pub fn of(addr: SocketAddr) -> Scope {
        let near = match addr.ip().to_canonical() {
            IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
            IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
        };
        if near { Scope::Lan } else { Scope::Wan }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Scope::Process => "process",
            Scope::Os => "OS",
            Scope::Lan => "LAN",
            Scope::Wan => "WAN",
        })
    }
}

/// A connected socket. Non-blocking on an executor thread (`rt::Io` sees to that), blocking elsewhere.
#[derive(Debug)]
pub enum Socket {
    /// To a process of this machine.
    Unix(UnixStream),
    /// To another machine; take one from [`tcp`] or [`Listener::accept`], which set its options.
    Tcp(TcpStream),
}

impl From<UnixStream> for Socket {
    fn from(stream: UnixStream) -> Socket {
        Socket::Unix(stream)
    }
}

impl From<TcpStream> for Socket {
    fn from(stream: TcpStream) -> Socket {
        Socket::Tcp(stream)
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Socket::Unix(stream) => stream.as_fd(),
            Socket::Tcp(stream) => stream.as_fd(),
        }
    }
}

impl Socket {
    /// Who connected, as the kernel noted it at that time; `None` over TCP, where nobody vouches for the peer.
    pub fn credentials(&self) -> Option<Credentials> {
        match self {
            Socket::Unix(stream) => peer::credentials(stream.as_fd()).ok(),
            Socket::Tcp(_) => None,
        }
    }

    /// The peer in words: `pid 12 uid 0` or `10.0.0.1:4711`.
    pub fn peer(&self) -> String {
        match self {
            Socket::Unix(_) => self.credentials().map_or_else(
                || "unknown process".into(),
                |peer| format!("pid {} uid {}", peer.pid, peer.uid),
            ),
            Socket::Tcp(stream) => stream
                .peer_addr()
                .map_or_else(|_| "unknown address".into(), |addr| addr.to_string()),
        }
    }

    /// How far away the peer is.
    pub fn scope(&self) -> Scope {
        match self {
            Socket::Unix(_) => Scope::Os,
            Socket::Tcp(stream) => stream.peer_addr().map_or(Scope::Wan, Scope::of),
        }
    }

    /// Ends one direction or both; a socket that is not connected any more needs no ending.
    pub fn shutdown(&self, how: Shutdown) {
        let _ = match self {
            Socket::Unix(stream) => stream.shutdown(how),
            Socket::Tcp(stream) => stream.shutdown(how),
        };
    }

    /// Switches between waiting and `WouldBlock`.
    pub fn set_nonblocking(&self, on: bool) -> io::Result<()> {
        fdio::set_nonblocking(self, on)
    }

    /// How long a blocking read waits at most; not zero.
    pub fn set_read_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        match self {
            Socket::Unix(stream) => stream.set_read_timeout(limit),
            Socket::Tcp(stream) => stream.set_read_timeout(limit),
        }
    }

    /// How long a blocking write waits at most; not zero.
    pub fn set_write_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        match self {
            Socket::Unix(stream) => stream.set_write_timeout(limit),
            Socket::Tcp(stream) => stream.set_write_timeout(limit),
        }
    }
}

impl Read for &Socket {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        fdio::recv(self.as_fd(), buf)
    }
}

impl Write for &Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        fdio::send(self.as_fd(), bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Socket {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buf)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A listening socket.
#[derive(Debug)]
pub enum Listener {
    /// For processes of this machine.
    Unix(UnixListener),
    /// For other machines.
    Tcp(TcpListener),
}

impl From<UnixListener> for Listener {
    fn from(listener: UnixListener) -> Listener {
        Listener::Unix(listener)
    }
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Listener {
        Listener::Tcp(listener)
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Listener::Unix(listener) => listener.as_fd(),
            Listener::Tcp(listener) => listener.as_fd(),
        }
    }
}

impl Listener {
    /// Takes the next connection that waits; `WouldBlock` when there is none and the listener does not block.
    ///
    /// # Errors
    /// What the system says; an error of one connection (it was reset before it was taken) is no reason to stop.
    pub fn accept(&self) -> io::Result<Socket> {
        match self {
            Listener::Unix(listener) => Ok(Socket::Unix(listener.accept()?.0)),
            Listener::Tcp(listener) => {
                let (stream, _) = listener.accept()?;
                // Without its options a connection works all the same; a peer that is gone shows at the first read.
                let _ = tcp::set_options(&stream);
                Ok(Socket::Tcp(stream))
            }
        }
    }

    /// The address that others connect to; `None` for a unix socket.
    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Listener::Unix(_) => None,
            Listener::Tcp(listener) => listener.local_addr().ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_and_far_addresses() {
        for (addr, scope) in [
            ("127.0.0.1:1", Scope::Lan),
            ("10.1.2.3:1", Scope::Lan),
            ("172.16.0.1:1", Scope::Lan),
            ("169.254.7.7:1", Scope::Lan),
            ("[::1]:1", Scope::Lan),
            ("[fe80::1]:1", Scope::Lan),
            ("[fd00::1]:1", Scope::Lan),
            ("[::ffff:192.168.0.1]:1", Scope::Lan),
            ("8.8.8.8:1", Scope::Wan),
            ("[2001:db8::1]:1", Scope::Wan),
        ] {
            assert_eq!(Scope::of(addr.parse().unwrap()), scope, "{addr}");
        }
    }

    #[test]
    fn a_unix_peer_is_a_process() {
        let (left, right) = UnixStream::pair().unwrap();
        let (left, mut right) = (Socket::from(left), Socket::from(right));
        let me = left.credentials().unwrap();
        assert_eq!(left.peer(), format!("pid {} uid {}", std::process::id(), me.uid));
        assert_eq!(left.scope(), Scope::Os);
        right.write_all(b"x").unwrap();
        let mut buf = [0; 4];
        assert_eq!((&left).read(&mut buf).unwrap(), 1);
        left.set_nonblocking(true).unwrap();
        assert_eq!(
            (&left).read(&mut buf).map_err(|error| error.kind()),
            Err(io::ErrorKind::WouldBlock)
        );
    }
}
