//! The transport between machines: TCP.
//!
//! Frames are gathered before they are written, so Nagle's algorithm could only delay them and is off. A peer that lost
//! its power says nothing: the kernel asks after [`KEEPALIVE_IDLE`] of silence, which costs no message of ours; a
//! session may have a tighter deadline of its own.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use gshell_sys::tcp;

use crate::Socket;
use crate::rt::{self, Io};

/// Silence after which the kernel asks the peer for a sign of life.
pub const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);
/// Time between two such questions.
pub const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
/// Questions without an answer after which the connection is broken.
pub const KEEPALIVE_PROBES: u32 = 3;
/// Most addresses of one host that are tried.
const ADDRESSES_MAX: usize = 8;

/// Listens on `addr`; port 0 takes a free one.
///
/// # Errors
/// What the system says, for example that the port is in use.
pub fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(addr)
}

/// Connects to `addr`, without blocking the executor's thread, until `deadline`.
///
/// # Errors
/// `TimedOut` after the deadline; what the system says otherwise.
pub async fn connect(addr: SocketAddr, deadline: Instant) -> io::Result<Socket> {
    let stream = tcp::start_connect(addr)?;
    {
        let io = Io::new(&stream)?;
        let left = deadline.saturating_duration_since(Instant::now());
        rt::timeout(left, io.write_with(|stream| tcp::connected(stream)))
            .await
            .unwrap_or_else(|| Err(timed_out(addr)))?;
    }
    set_options(&stream)?;
    Ok(Socket::from(stream))
}

/// As [`connect`], for a thread that has no executor; the socket blocks.
///
/// # Errors
/// As [`connect`].
pub fn connect_blocking(addr: SocketAddr, deadline: Instant) -> io::Result<Socket> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(timed_out(addr));
    }
    let stream = TcpStream::connect_timeout(&addr, left)?;
    set_options(&stream)?;
    Ok(Socket::from(stream))
}

/// The addresses of `HOST:PORT`, where an IPv6 address stands in brackets; a few at most. Blocks while a name server is
/// asked, see [`resolve`].
///
/// # Errors
/// When there are none.
pub fn resolve_blocking(host_port: &str) -> io::Result<Vec<SocketAddr>> {
    let found: Vec<_> = host_port.to_socket_addrs()?.take(ADDRESSES_MAX).collect();
    if found.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            format!("{host_port} has no address"),
        ));
    }
    Ok(found)
}

/// As [`resolve_blocking`], on a helper thread unless `host_port` is an address already.
///
/// # Errors
/// When there are none.
pub async fn resolve(host_port: &str) -> io::Result<Vec<SocketAddr>> {
    if let Ok(addr) = host_port.parse() {
        return Ok(vec![addr]);
    }
    let host_port = host_port.to_owned();
    rt::unblock(move || resolve_blocking(&host_port)).await
}

/// What each connection wants of its socket, whoever opened it.
///
/// # Errors
/// When the peer is gone already.
pub(crate) fn set_options(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    tcp::keepalive(stream, KEEPALIVE_IDLE, KEEPALIVE_INTERVAL, KEEPALIVE_PROBES)
}

fn timed_out(addr: SocketAddr) -> io::Error {
    io::Error::new(
        io::ErrorKind::TimedOut,
        format!("{addr} did not accept the connection in time"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Listener;
    use std::net::Ipv4Addr;

    const LOCAL: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    #[test]
    fn connects_both_ways_of_calling() {
        let listener = listen(LOCAL).unwrap();
        let addr = listener.local_addr().unwrap();
        let listener = Listener::from(listener);
        let accepted = rt::block_on(async move {
            let socket = connect(addr, soon()).await.unwrap();
            assert_eq!(socket.peer(), addr.to_string());
            let accepted = listener.accept().unwrap();
            let (left, right) = (Io::new(socket).unwrap(), Io::new(accepted).unwrap());
            left.write_all(b"hello").await.unwrap();
            let mut buf = [0; 8];
            let n = right.read(&mut buf).await.unwrap();
            assert_eq!(&buf[..n], b"hello");
            listener
        });
        let socket = connect_blocking(addr, soon()).unwrap();
        assert!(accepted.accept().is_ok() && socket.credentials().is_none());
    }

    #[test]
    fn refused_and_late_are_errors() {
        let addr = listen(LOCAL).unwrap().local_addr().unwrap();
        let refused = rt::block_on(async move { connect(addr, soon()).await }).map(drop);
        assert_eq!(
            refused.map_err(|error| error.kind()),
            Err(io::ErrorKind::ConnectionRefused)
        );
        assert_eq!(
            connect_blocking(addr, Instant::now())
                .map(drop)
                .map_err(|error| error.kind()),
            Err(io::ErrorKind::TimedOut)
        );
    }

    #[test]
    fn a_listener_that_does_not_accept_costs_no_more_than_the_deadline() {
        // A queue of one that is full: further connections wait for ever.
        let listener = listen(LOCAL).unwrap();
        let addr = listener.local_addr().unwrap();
        tcp::set_backlog(&listener, 0).unwrap();
        let started = Instant::now();
        let results = rt::block_on(async move {
            let mut results = Vec::new();
            for _ in 0..4 {
                results.push(connect(addr, Instant::now() + Duration::from_millis(100)).await);
            }
            results
        });
        let late = results
            .iter()
            .filter_map(|result| result.as_ref().err())
            .all(|error| error.kind() == io::ErrorKind::TimedOut);
        assert!(late && results.iter().any(Result::is_err), "{results:?}");
        assert!(started.elapsed() < Duration::from_secs(3));
    }

    #[test]
    fn names_and_addresses() {
        assert_eq!(
            resolve_blocking("127.0.0.1:80").unwrap(),
            ["127.0.0.1:80".parse().unwrap()]
        );
        assert_eq!(
            resolve_blocking("[::1]:80").unwrap(),
            ["[::1]:80".parse().unwrap()]
        );
        assert!(resolve_blocking("no port").is_err());
        let found = rt::block_on(async { resolve("localhost:80").await });
        assert!(found.is_ok_and(|found| found.iter().all(|addr| addr.port() == 80)));
    }
}
