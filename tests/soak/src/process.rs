//! The server as a process: starting it, what `/proc` and it say of it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gshell_service::builtin::messages::{Stats, StatsFigures};
use gshell_service::{Client, rt, unix};
use gshell_wire::Fault;

use crate::messages::{Live, LiveFigures};
use crate::server::PUBLISHER;

/// Pause between two looks at what has to become quiet.
const LOOK: Duration = Duration::from_millis(20);
/// Pause after which a server in which nothing happens has given back what it keeps while it works (it does so after
/// half of this).
const REST: Duration = Duration::from_secs(1);

/// A folder for sockets, which goes with this value.
pub struct Folder(PathBuf);

impl Folder {
    /// Makes one with a short name: the path of a socket has little room.
    pub fn new() -> Result<Folder, Fault> {
        let path = PathBuf::from(format!("/tmp/gsoak-{}", std::process::id()));
        fs::create_dir_all(&path).map_err(|error| crate::failed("no folder", error))?;
        Ok(Folder(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A server process. It ends when this is dropped, however this process ends.
pub struct ServerProcess {
    child: Child,
    run_dir: PathBuf,
    names: Vec<String>,
    /// TCP addresses, one for each service.
    pub tcp: Vec<String>,
}

/// This program again, as a subcommand.
pub fn own(words: &[&str]) -> Result<Command, Fault> {
    let program = std::env::current_exe().map_err(|error| crate::failed("no own path", error))?;
    let mut command = Command::new(program);
    command.args(words);
    Ok(command)
}

impl ServerProcess {
    /// Starts a server with services of these names.
    pub fn start(folder: &Folder, names: &[&str]) -> Result<ServerProcess, Fault> {
        let mut command = own(&["serve"])?;
        command
            .arg(folder.path())
            .args(names)
            // The C library's threads keep freed blocks for themselves and count them as allocated: a quarter of a megabyte
            // more or less, by how much happens at once. Without them the count is exact. Other C libraries ignore this.
            .env("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command
            .spawn()
            .map_err(|error| crate::failed("no server", error))?;
        let lines = child.stdout.take().map(|out| BufReader::new(out).lines());
        let tcp: Vec<String> = lines
            .into_iter()
            .flatten()
            .take(names.len())
            .map_while(Result::ok)
            .collect();
        let server = ServerProcess {
            child,
            run_dir: folder.path().to_owned(),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            tcp,
        };
        if server.tcp.len() < names.len() {
            return Err(crate::failed("no server", "it ended at once"));
        }
        Ok(server)
    }

    /// Its process ID.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The socket of a service.
    pub fn socket(&self, service: usize) -> PathBuf {
        let name = self.names.get(service).map_or("", String::as_str);
        unix::socket_path(&self.run_dir, PUBLISHER, name)
    }

    /// A connection to its first service.
    pub fn connect(&self) -> Result<Client, Fault> {
        Client::connect(&self.socket(0))
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a server holds at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holds {
    /// Bytes that its code allocated and did not free.
    pub allocated: u64,
    /// Private memory, kB.
    pub memory_kb: u32,
    /// Descriptors.
    pub descriptors: u32,
    /// Threads.
    pub threads: u32,
    /// Connections, the one that asks among them.
    pub connections: u32,
    /// Streams, the default ones among them.
    pub streams: u32,
    /// Requests that are handled or wait, without the one that asks.
    pub requests: u32,
    /// Handlers that exist.
    pub handlers: u32,
}

impl Holds {
    /// Whether nobody but who asks is there.
    pub fn is_quiet(&self) -> bool {
        self.connections == 1 && self.streams <= 1 && self.requests == 0 && self.handlers == 0
    }
}

/// A number of kB from `/proc/PID/smaps_rollup`.
pub fn memory_kb(pid: u32, field: &str) -> u32 {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.unwrap_or(0)
}

fn entries(pid: u32, folder: &str) -> u32 {
    let found = fs::read_dir(format!("/proc/{pid}/{folder}"));
    found.map_or(0, |entries| u32::try_from(entries.count()).unwrap_or(u32::MAX))
}

/// What the server says of its first service.
pub async fn stats(client: &Client) -> Result<StatsFigures, Fault> {
    client.request(Stats {}).timeout(crate::LIMIT).send().await
}

/// Looks at a server.
pub async fn holds(server: &ServerProcess, client: &Client) -> Result<Holds, Fault> {
    let stats = stats(client).await?;
    let live: LiveFigures = client.request(Live {}).timeout(crate::LIMIT).send().await?;
    let pid = server.pid();
    Ok(Holds {
        allocated: live.allocated,
        memory_kb: memory_kb(pid, "Private_Dirty"),
        descriptors: entries(pid, "fd"),
        threads: entries(pid, "task"),
        connections: stats.connections,
        streams: stats.streams,
        requests: stats.messages.iter().map(|one| one.in_flight + one.queued).sum(),
        handlers: live.handlers,
    })
}

/// Waits until a server holds nothing but the one connection, and at most so many threads.
pub async fn quiet(server: &ServerProcess, client: &Client, threads: u32) -> Result<Holds, Fault> {
    let began = Instant::now();
    loop {
        let now = holds(server, client).await?;
        if now.is_quiet() && now.threads <= threads {
            return Ok(now);
        }
        if began.elapsed() > crate::LIMIT {
            let text = format!("after {:?} the server still holds {now:?}", crate::LIMIT);
            return Err(crate::failed("something is left", text));
        }
        rt::sleep(LOOK).await;
    }
}

/// As [`quiet`], and what the server keeps only while it works has been given back.
pub async fn at_rest(server: &ServerProcess, client: &Client, threads: u32) -> Result<Holds, Fault> {
    let mut least = quiet(server, client, threads).await?;
    loop {
        rt::sleep(REST).await;
        let now = quiet(server, client, threads).await?;
        if now.allocated >= least.allocated {
            return Ok(least);
        }
        least = now;
    }
}
