//! The command line of asbench.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use lexopt::prelude::*;

/// What `--help` prints.
pub const HELP: &str = "\
Transactions per second of gshell's messages, beside a raw ping-pong over a unix socket in the same run.

Usage: asbench [OPTIONS]           one measurement
       asbench matrix [OPTIONS]    all counts and sizes: a table and a chart

Options:
      --scope SCOPE    process, os or tcp [os]
      --type TYPE      download (the reply has the size) or upload (the request has it) [download]
  -n STREAMS           streams on one connection, each with one call at a time [1]
  -s SIZE              bytes of the payload [32]
  -t SECONDS           time to measure, fractions allowed [3]
      --calls COUNT    so many calls on each stream instead, and no raw ping-pong: for tools that count instructions
      --lua            a Lua client (process scope: a Lua server too, in the same group)
      --blocking       the blocking client (scopes os and tcp, one stream)
      --threads        process scope: client and server on two threads
      --node DIR       calls the service that a group of the node with this run dir publishes, instead of one of its own
      --free           let the kernel place the processes (default: all on one CPU)
      --json           one JSON object
      --out DIR        matrix: where to write asbench.md and asbench.svg [.]
  -h, --help           this text
";

/// Between whom the calls go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// In one process.
    Process,
    /// Two processes, a unix socket.
    Os,
    /// Two processes, TCP over loopback.
    Tcp,
}

impl Scope {
    /// As on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Scope::Process => "process",
            Scope::Os => "os",
            Scope::Tcp => "tcp",
        }
    }
}

/// Which way the payload goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// In the reply.
    Download,
    /// In the request.
    Upload,
}

impl Direction {
    /// As on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Direction::Download => "download",
            Direction::Upload => "upload",
        }
    }
}

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Rust on an executor.
    Native,
    /// Rust without an executor.
    Blocking,
    /// A Lua script.
    Lua,
}

/// One measurement.
#[derive(Clone, Debug)]
pub struct Options {
    /// Between whom.
    pub scope: Scope,
    /// Which way.
    pub direction: Direction,
    /// Streams on the connection.
    pub streams: u32,
    /// Bytes of the payload.
    pub size: u32,
    /// How long.
    pub time: Duration,
    /// So many calls on each stream instead, and nothing else.
    pub calls: Option<u32>,
    /// Who calls.
    pub caller: Caller,
    /// Process scope: on two threads.
    pub threads: bool,
    /// Run dir of the node that has the service, if this program is not to be the service, too.
    pub node: Option<PathBuf>,
    /// Everything on one CPU.
    pub pinned: bool,
    /// JSON instead of text.
    pub json: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            scope: Scope::Os,
            direction: Direction::Download,
            streams: 1,
            size: 32,
            time: Duration::from_secs(3),
            calls: None,
            caller: Caller::Native,
            threads: false,
            node: None,
            pinned: true,
            json: false,
        }
    }
}

impl Options {
    /// Whether a stream that has made `calls` makes another at the time `now` of a measurement that ends at `end`.
    pub fn goes_on(&self, calls: u32, now: Instant, end: Instant) -> bool {
        self.calls.map_or(now < end, |wanted| calls < wanted)
    }
}

/// What the command line asks for.
#[derive(Debug)]
pub enum Request {
    /// `--help`.
    Help,
    /// One measurement.
    Measure(Options),
    /// All of them; where the results go.
    Matrix(Options, OsString),
    /// This process is the other end of a measurement: its role and what the role needs.
    Role(String, Vec<String>),
}

/// Most streams: the limit of a connection, less its default stream.
const MOST_STREAMS: u32 = 1023;
/// Largest payload: what a message may hold, less room for the rest of it.
const LARGEST: u32 = (16 << 20) - 64;

/// Reads the command line.
///
/// # Errors
/// A text for the user: what is wrong with which argument.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Request, String> {
    read(&mut lexopt::Parser::from_args(args)).map_err(|error| error.to_string())
}

fn read(parser: &mut lexopt::Parser) -> Result<Request, lexopt::Error> {
    let mut options = Options::default();
    let (mut matrix, mut out) = (false, OsString::from("."));
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Request::Help),
            Value(word) if word == "matrix" && !matrix => matrix = true,
            Long("role") => {
                let role = parser.value()?.string()?;
                let rest: Result<Vec<String>, _> = parser.raw_args()?.map(OsString::into_string).collect();
                return Ok(Request::Role(role, rest.map_err(lexopt::Error::NonUnicodeValue)?));
            }
            Long("scope") => options.scope = scope(&parser.value()?.string()?)?,
            Long("type") => options.direction = direction(&parser.value()?.string()?)?,
            Short('n') => options.streams = number(parser, "-n", 1, MOST_STREAMS)?,
            Short('s') => options.size = number(parser, "-s", 0, LARGEST)?,
            Short('t') => options.time = time(parser)?,
            Long("calls") => options.calls = Some(number(parser, "--calls", 1, u32::MAX)?),
            Long("lua") => options.caller = Caller::Lua,
            Long("blocking") => options.caller = Caller::Blocking,
            Long("threads") => options.threads = true,
            Long("node") => options.node = Some(parser.value()?.into()),
            Long("free") => options.pinned = false,
            Long("json") => options.json = true,
            Long("out") => out = parser.value()?,
            other => return Err(other.unexpected()),
        }
    }
    check(&options)?;
    Ok(match matrix {
        true => Request::Matrix(options, out),
        false => Request::Measure(options),
    })
}

fn scope(word: &str) -> Result<Scope, lexopt::Error> {
    [Scope::Process, Scope::Os, Scope::Tcp]
        .into_iter()
        .find(|scope| scope.name() == word)
        .ok_or_else(|| format!("wrong scope '{word}': process, os or tcp").into())
}

fn direction(word: &str) -> Result<Direction, lexopt::Error> {
    [Direction::Download, Direction::Upload]
        .into_iter()
        .find(|direction| direction.name() == word)
        .ok_or_else(|| format!("unknown test type '{word}': download or upload").into())
}

fn number(parser: &mut lexopt::Parser, name: &str, least: u32, most: u32) -> Result<u32, lexopt::Error> {
    let text = parser.value()?.string()?;
    match text.parse() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ => Err(format!("{name} takes a number from {least} to {most}, not '{text}'").into()),
    }
}

fn time(parser: &mut lexopt::Parser) -> Result<Duration, lexopt::Error> {
    let text = parser.value()?.string()?;
    let seconds = text.parse().ok().filter(|seconds: &f64| *seconds > 0.0);
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| format!("-t takes seconds above 0, not '{text}'").into())
}

fn check(options: &Options) -> Result<(), lexopt::Error> {
    let blocking = options.caller == Caller::Blocking;
    if blocking && (options.streams != 1 || options.scope == Scope::Process) {
        return Err("--blocking measures one stream (-n 1) in the scopes os and tcp".into());
    }
    if options.threads && (options.scope != Scope::Process || options.caller != Caller::Native) {
        return Err("--threads is for native clients of the process scope".into());
    }
    if options.caller == Caller::Lua && options.scope == Scope::Tcp {
        return Err("--lua measures the scopes process and os".into());
    }
    if options.node.is_some() && options.scope != Scope::Os {
        return Err("--node is for the scope os".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(line: &str) -> Result<Options, String> {
        match parse(line.split(' ').map(OsString::from))? {
            Request::Measure(options) => Ok(options),
            other => Err(format!("{other:?}")),
        }
    }

    #[test]
    fn a_whole_line_is_read() {
        let read = options("--scope tcp --type upload -n 32 -s 8192 -t 0.5 --json --free").unwrap();
        assert_eq!((read.scope, read.direction), (Scope::Tcp, Direction::Upload));
        assert_eq!((read.streams, read.size), (32, 8192));
        assert_eq!(read.time, Duration::from_millis(500));
        assert!(read.json && !read.pinned);
    }

    #[test]
    fn what_cannot_be_measured_is_refused_with_the_reason() {
        for (line, word) in [
            ("--node /run/gshell --scope tcp", "scope os"),
            ("--scope moon", "wrong scope 'moon'"),
            ("--type sideload", "unknown test type 'sideload'"),
            ("-n 0", "from 1 to"),
            ("-n 2 --blocking", "one stream"),
            ("-t 0", "seconds above 0"),
            ("--threads", "process scope"),
            ("--nonsense", "nonsense"),
        ] {
            let error = options(line).unwrap_err();
            assert!(error.contains(word), "{line}: {error}");
        }
    }
}
