//! Addresses: where a service was found, and the ways to connect to it.

use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use gshell_net::{rt, tcp, unix};
use gshell_wire::{Code, Fault};

use crate::blocking;
use crate::client::{Client, no_service};
use crate::link::Link;
use crate::local::End;
use crate::registry;

/// Pause before another try when a service accepts no connections at the moment.
const BUSY_PAUSE: Duration = Duration::from_millis(10);
/// The pause doubles up to this.
const BUSY_PAUSE_MAX: Duration = Duration::from_millis(200);
/// Time for a TCP connection when nobody set one.
const CONNECT: Duration = Duration::from_secs(10);

/// Where a service is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// In this process.
    Process {
        /// Publisher.
        publisher: String,
        /// Service.
        service: String,
    },
    /// Behind a socket file of this machine.
    Os(PathBuf),
    /// At `HOST:PORT`.
    Tcp(String),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Process { publisher, service } => write!(f, "process:{publisher}/{service}"),
            Address::Os(path) => write!(f, "{}", path.display()),
            Address::Tcp(host_port) => write!(f, "tcp:{host_port}"),
        }
    }
}

impl Address {
    /// Reads `tcp:HOST:PORT` or the path of a socket file.
    ///
    /// # Errors
    /// `Invalid` for anything else.
    pub fn parse(text: &str) -> Result<Address, Fault> {
        match text.strip_prefix("tcp:") {
            Some(host_port) if host_port.contains(':') => Ok(Address::Tcp(host_port.to_owned())),
            None if text.starts_with('/') => Ok(Address::Os(PathBuf::from(text))),
            _ => {
                let text = format!("{text:?} is no address: expected tcp:HOST:PORT or the path of a socket");
                Err(Fault::new(Code::Invalid, text))
            }
        }
    }

    /// Connects; one that does not accept at the moment is tried again until `deadline`.
    ///
    /// # Errors
    /// `Unreachable` when nobody is there, `Timeout` when it took too long.
    pub async fn connect(&self, deadline: Option<Instant>) -> Result<Client, Fault> {
        match self {
            Address::Process { publisher, service } => {
                let gone = || Fault::new(Code::Unreachable, format!("no service at {self}"));
                let pipe = registry::connect(publisher, service).ok_or_else(gone)??;
                Ok(Client::run(Link::Local(End::client(pipe))))
            }
            Address::Os(path) => {
                let mut pause = BUSY_PAUSE;
                loop {
                    match Client::connect(path) {
                        Err(fault) if fault.code() == Some(Code::Busy) => {
                            let until = Instant::now() + pause;
                            if deadline.is_some_and(|at| until > at) {
                                return Err(fault);
                            }
                            rt::sleep_until(until).await;
                            pause = (pause * 2).min(BUSY_PAUSE_MAX);
                        }
                        other => return other,
                    }
                }
            }
            Address::Tcp(host_port) => {
                let failed = |error| no_connection(self, &error);
                let deadline = deadline.unwrap_or_else(|| Instant::now() + CONNECT);
                let left = deadline.saturating_duration_since(Instant::now());
                let late = || Err(std::io::ErrorKind::TimedOut.into());
                let found = rt::timeout(left, tcp::resolve(host_port)).await;
                let mut last = None;
                for addr in found.unwrap_or_else(late).map_err(failed)? {
                    match tcp::connect(addr, deadline).await {
                        Ok(socket) => return Client::over(socket),
                        Err(error) => last = Some(error),
                    }
                }
                Err(failed(
                    last.unwrap_or_else(|| std::io::ErrorKind::NotFound.into()),
                ))
            }
        }
    }

    /// As [`Address::connect`], for a thread without an executor.
    ///
    /// # Errors
    /// As there; `Invalid` for a service of this process, whose connections need an executor.
    pub fn connect_blocking(&self, deadline: Option<Instant>) -> Result<blocking::Client, Fault> {
        match self {
            Address::Process { .. } => Err(Fault::new(
                Code::Invalid,
                "a blocking client cannot use scope process: publish the service in scope OS as well",
            )),
            Address::Os(path) => {
                let mut pause = BUSY_PAUSE;
                loop {
                    match unix::connect_now(path) {
                        Ok(socket) => return blocking::Client::over(socket),
                        Err(error) => {
                            let until = Instant::now() + pause;
                            let late = deadline.is_some_and(|at| until > at);
                            if late || error.kind() != std::io::ErrorKind::WouldBlock {
                                return Err(no_service(path, &error));
                            }
                            std::thread::sleep(pause);
                            pause = (pause * 2).min(BUSY_PAUSE_MAX);
                        }
                    }
                }
            }
            Address::Tcp(host_port) => {
                let failed = |error| no_connection(self, &error);
                let deadline = deadline.unwrap_or_else(|| Instant::now() + CONNECT);
                let mut last = None;
                for addr in tcp::resolve_blocking(host_port).map_err(failed)? {
                    match tcp::connect_blocking(addr, deadline) {
                        Ok(socket) => return blocking::Client::over(socket),
                        Err(error) => last = Some(error),
                    }
                }
                Err(failed(
                    last.unwrap_or_else(|| std::io::ErrorKind::NotFound.into()),
                ))
            }
        }
    }

    /// Whether somebody is there, as far as that shows without talking to it.
    pub(crate) fn answers(&self) -> bool {
        match self {
            Address::Os(path) => match unix::connect_now(path) {
                Ok(_) => true,
                Err(error) => error.kind() == std::io::ErrorKind::WouldBlock,
            },
            _ => true,
        }
    }
}

fn no_connection(address: &Address, error: &std::io::Error) -> Fault {
    let code = match error.kind() {
        std::io::ErrorKind::TimedOut => Code::Timeout,
        _ => Code::Unreachable,
    };
    Fault::new(code, format!("cannot connect to {address}")).with_cause(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_shown() {
        for text in ["tcp:localhost:4711", "tcp:[::1]:1", "/run/gshell/svc/a_b.sock"] {
            assert_eq!(Address::parse(text).unwrap().to_string(), text);
        }
        for text in ["tcp:host", "udp:1:2", "a_b.sock"] {
            assert_eq!(
                Address::parse(text).unwrap_err().code(),
                Some(Code::Invalid),
                "{text}"
            );
        }
    }
}
