//! `gshell stats`: what services have counted, and how busy they are.

use gshell_service::blocking::Client;
use gshell_service::builtin::messages::{Load, LoadFigures, MessageStats, Stats, StatsFigures};
use gshell_wire::Value;

use crate::cli::args::{Command, Many, Matches, Opt, Positional, Values};
use crate::cli::failure::{Failure, Outcome};
use crate::cli::link::Global;
use crate::cli::output;
use crate::cli::service::{self, ask, table};
use crate::cli::value::{object, text, tree};
use crate::exit_codes::Status;

/// `gshell stats`.
pub const COMMAND: Command = Command {
    long: "A line for each message type: calls, how many of them failed, how many are in progress or wait for a \
           worker, and how long they took (half, nine in ten, ninety-nine in a hundred, the longest). Below it a line \
           for each service: queue, workers, connections. The counts begin with the service.",
    options: &[Opt::flag("all", "Also message types that nobody has called").short('a')],
    positionals: &[Positional::new(
        "PUBLISHER/SERVICE",
        "Only these services, * for anything; all message types of a service that is named in full",
    )
    .many(Many::Any)
    .values(Values::Service)
    .check(service::check_pattern)],
    examples: &[
        "gshell stats",
        "gshell stats gshell/daemon",
        "gshell stats --json 'example/*'",
    ],
    ..Command::new(
        "stats",
        "Show calls, errors, latencies, queue and workers of services",
        run,
    )
};

/// What a service said of itself.
pub struct Figures {
    /// What it has counted.
    pub stats: StatsFigures,
    /// How busy it is.
    pub load: LoadFigures,
}

impl Figures {
    /// Asks the service.
    pub fn ask(client: &mut Client, name: &str) -> Result<Self, Failure> {
        Ok(Self {
            stats: ask(client, name, &Stats {})?,
            load: ask(client, name, &Load {})?,
        })
    }

    /// Queue, workers and connections in a line.
    pub fn line(&self, name: &str) -> String {
        let (stats, load) = (&self.stats, &self.load);
        let mut text = format!(
            "{name}: {} connections, {} streams, queue {} of {}, workers {} busy, {} idle, {} at most",
            stats.connections,
            stats.streams,
            load.queue_len,
            load.queue_size,
            load.busy,
            load.idle,
            load.workers
        );
        for (count, what) in [
            (stats.refused, "connections refused"),
            (stats.faulted, "protocol faults"),
            (stats.unknown, "unknown messages"),
            (stats.held, "times held back"),
        ] {
            if count > 0 {
                text.push_str(&format!(", {count} {what}"));
            }
        }
        text
    }
}

/// Asks all services that the patterns mean and prints what they say.
fn run(global: &Global, matches: &Matches) -> Outcome {
    let mut patterns = matches.texts(0);
    let whole = matches.flag("all") || patterns.iter().any(|pattern| !pattern.contains('*'));
    if patterns.is_empty() {
        patterns.push("*".to_owned());
    }
    let (mut seen, mut failed) = (Vec::new(), None);
    for pattern in &patterns {
        for found in service::find(global, pattern)? {
            let name = service::name_of(&found);
            if seen.iter().any(|(known, _)| *known == name) {
                continue;
            }
            let asked = service::connect_to(&found)
                .map_err(|fault| Failure::fault(&format!("cannot reach {name}"), &fault))
                .and_then(|mut client| Figures::ask(&mut client, &name));
            match asked {
                Ok(figures) => seen.push((name, figures)),
                Err(failure) => failed = say(failed, failure),
            }
        }
    }
    match global.json {
        true => output::tree(&Value::List(
            seen.iter().map(|(name, figures)| json(name, figures)).collect(),
        ))?,
        false => drop(output::print(&page(&seen, whole))?),
    }
    failed.map_or(Ok(Status::Ok), Err)
}

/// One of several failures is kept for the end; the others are told at once.
fn say(before: Option<Failure>, failure: Failure) -> Option<Failure> {
    if let Some(before) = &before {
        output::note(&before.text);
    }
    Some(failure)
}

fn json(name: &str, figures: &Figures) -> Value {
    object([
        ("service", text(name)),
        ("stats", tree(&figures.stats)),
        ("load", tree(&figures.load)),
    ])
}

fn page(seen: &[(String, Figures)], whole: bool) -> String {
    let mut rows = vec![table::row([
        "SERVICE", "MESSAGE", "CALLS", "ERRORS", "RUNNING", "QUEUED", "P50", "P90", "P99", "MAX",
    ])];
    for (name, figures) in seen {
        let messages = figures.stats.messages.iter();
        rows.extend(
            messages
                .filter(|message| whole || message.calls > 0)
                .map(|message| cells(name, message)),
        );
    }
    let mut page = table::columns(&rows, 2);
    page.push('\n');
    for (name, figures) in seen {
        page.push_str(&figures.line(name));
        page.push('\n');
    }
    page
}

fn cells(service: &str, message: &MessageStats) -> Vec<String> {
    let mut row = vec![service.to_owned(), message.name.clone()];
    let counts = [message.calls, message.errors, message.in_flight, message.queued];
    row.extend(counts.iter().map(u32::to_string));
    row.extend(latencies(message));
    row
}

/// P50, P90, P99 and the longest; dashes when there is nothing to tell.
pub fn latencies(message: &MessageStats) -> Vec<String> {
    let times = [message.p50_us, message.p90_us, message.p99_us, message.max_us];
    let none = message.calls == 0 || times == [0; 4];
    let cell = |us: &u32| match none {
        true => "-".to_owned(),
        false => table::micros(*us),
    };
    times.iter().map(cell).collect()
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// Figures of a service with one message type.
    pub fn sample(calls: u32) -> Figures {
        let message = MessageStats {
            name: "a.B".into(),
            calls,
            errors: 1,
            panics: 0,
            cancelled: 0,
            expired: 0,
            in_flight: 2,
            queued: 3,
            p50_us: 40,
            p90_us: 500,
            p99_us: 1500,
            max_us: 2_000_000,
        };
        let idle = MessageStats {
            name: "a.Idle".into(),
            calls: 0,
            ..message.clone()
        };
        Figures {
            stats: StatsFigures {
                messages: vec![message, idle],
                connections: 1,
                streams: 2,
                sessions: 0,
                accepted: 1,
                refused: 4,
                faulted: 0,
                unknown: 0,
                held: 0,
                bytes_in: 5,
                bytes_out: 6,
            },
            load: LoadFigures {
                cpus: 2,
                resident: 1,
                weight: 1,
                queue_len: 3,
                queue_size: 1024,
                busy: 2,
                idle: 1,
                workers: 256,
            },
        }
    }

    #[test]
    fn the_table() {
        let seen = [("x/y".to_owned(), sample(9))];
        let want = "\
SERVICE  MESSAGE  CALLS  ERRORS  RUNNING  QUEUED   P50    P90    P99   MAX
x/y      a.B          9       1        2       3  40us  500us  1.5ms  2.0s

x/y: 1 connections, 2 streams, queue 3 of 1024, workers 2 busy, 1 idle, 256 at most, 4 connections refused
";
        assert_eq!(page(&seen, false), want);
        assert!(page(&seen, true).contains("a.Idle       0       1        2       3     -"));
    }
}
