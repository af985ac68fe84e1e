//! What the examples share: their options, the way to a service, the wait for the end.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use gshell_service::rt::{self, Io};
use gshell_service::{
    Address, Client, Handlers, Node, PublishOptions, Published, Publisher, Scopes, Timeout, discover,
};
use gshell_sys::signal::{SIGINT, SIGTERM, SignalFd};
use gshell_wire::{Code, Fault};

/// Who publishes the examples.
pub const PUBLISHER: &str = "example";

/// Options that every example takes.
const COMMON: [&str; 2] = ["run-dir", "tcp"];
/// How long a client waits for its service.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a server that is told to stop waits for the handlers that run.
const GRACE: Duration = Duration::from_secs(1);

/// The command line: `server` or `client`, then options, each with a value.
pub struct Options {
    role: String,
    values: BTreeMap<String, String>,
}

impl Options {
    /// Reads `server|client [--NAME VALUE]...`; `known` are the names beside `run-dir` and `tcp`.
    fn read(known: &[&str]) -> Option<Options> {
        let mut words = std::env::args().skip(1);
        let role = words
            .next()
            .filter(|role| ["server", "client"].contains(&role.as_str()))?;
        let mut values = BTreeMap::new();
        while let Some(word) = words.next() {
            let name = word.strip_prefix("--")?;
            let is_known = COMMON.contains(&name) || known.contains(&name);
            values.insert(is_known.then(|| name.to_owned())?, words.next()?);
        }
        Some(Options { role, values })
    }

    /// The option of this name, as text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// The option of this name, or `default` when it was not given.
    pub fn value<T: FromStr>(&self, name: &str, default: T) -> Result<T, Fault> {
        let Some(text) = self.text(name) else {
            return Ok(default);
        };
        let bad = |_| Fault::new(Code::Invalid, format!("--{name}: {text:?} is no such value"));
        text.parse().map_err(bad)
    }

    /// The node: that of `--run-dir`, else this user's.
    pub fn node(&self) -> Result<Node, Fault> {
        match self.text("run-dir") {
            Some(dir) => Ok(Node::at(dir)),
            None => Node::from_env(),
        }
    }

    /// Publishes a service on this machine, with `--tcp ADDRESS:PORT` there as well, and says where.
    pub fn publish(&self, service: &str, handlers: Handlers) -> Result<Published, Fault> {
        let tcp = match self.text("tcp") {
            None => None,
            Some(_) => Some(self.value("tcp", ([127, 0, 0, 1], 0).into())?),
        };
        let options = PublishOptions {
            tcp,
            ..PublishOptions::default()
        };
        let publisher = Publisher::new(&self.node()?, PUBLISHER)?;
        let published = publisher.publish(service, handlers, Scopes::OS, &options)?;
        println!("{PUBLISHER}/{service} is served");
        if let Some(address) = published.tcp() {
            println!("at tcp:{address}");
        }
        Ok(published)
    }

    /// Connects to a service: to the one at `--tcp HOST:PORT`, else to the one that is found under its name.
    pub async fn connect(&self, service: &str) -> Result<Client, Fault> {
        if let Some(host_port) = self.text("tcp") {
            return Address::Tcp(host_port.to_owned()).connect(None).await;
        }
        discover(&self.node()?, PUBLISHER, service)
            .timeout(Timeout::For(PATIENCE))
            .one()
            .await
    }
}

/// Runs an example as a program: `server` until it is told to stop, or `client` to its end.
pub fn main(
    usage: &str,
    known: &[&str],
    server: impl AsyncFnOnce(&Options) -> Result<(), Fault>,
    client: impl AsyncFnOnce(&Options) -> Result<(), Fault>,
) -> ExitCode {
    let Some(options) = Options::read(known) else {
        eprintln!("{usage}");
        return ExitCode::from(2);
    };
    let ended = rt::block_on(async {
        match options.role == "server" {
            true => server(&options).await,
            false => client(&options).await,
        }
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("error: {fault}");
            ExitCode::FAILURE
        }
    }
}

/// Waits for Ctrl-C or `kill`, then lets what runs end.
pub async fn serve_until_stopped(published: Published) -> Result<(), Fault> {
    let broken = |error| Fault::new(Code::Internal, "cannot wait for signals").with_cause(error);
    let signals = SignalFd::new(&[SIGINT, SIGTERM])
        .and_then(Io::new)
        .map_err(broken)?;
    signals
        .read_with(|signals| signals.read()?.ok_or(std::io::ErrorKind::WouldBlock.into()))
        .await
        .map_err(broken)?;
    published.close(GRACE).await;
    Ok(())
}
