//! `gshell monitor`: the figures of all services as they change.

use std::io::IsTerminal;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use gshell_service::blocking::Client;
use gshell_service::builtin::messages::MessageStats;
use gshell_sys::{clock, term};
use gshell_wire::Value;

use super::stats::{Figures, latencies};
use crate::cli::args::{Command, Many, Matches, Opt, Positional, Values};
use crate::cli::failure::{Failure, Outcome};
use crate::cli::link::Global;
use crate::cli::output;
use crate::cli::service::{self, table};
use crate::cli::time;
use crate::cli::value::{compact, object, text, tree};
use crate::exit_codes::Status;

/// Goes to the upper left corner and clears the screen.
const CLEAR: &str = "\x1b[H\x1b[J";
/// Lines of a terminal that does not say how many it has.
const LINES: u16 = 24;

/// `gshell monitor`.
pub const COMMAND: Command = Command {
    long: "On a terminal the table is drawn anew each time, the busiest message types first; elsewhere there is a line \
           for each message type that was called meanwhile, and with --json an object a time. Ctrl-C ends it.",
    options: &[
        Opt::value("count", "TIMES", "End after so many times").short('n'),
        Opt::value("interval", "SECONDS", "Time between two of them")
            .short('i')
            .default("1")
            .check(check_interval),
    ],
    positionals: &[
        Positional::new("PUBLISHER/SERVICE", "Only these services, * for anything")
            .many(Many::Any)
            .values(Values::Service)
            .check(service::check_pattern),
    ],
    examples: &[
        "gshell monitor",
        "gshell monitor -n 10 -i 0.5 'example/*'",
        "gshell monitor --json -n 1",
    ],
    ..Command::new(
        "monitor",
        "Show calls a second, errors and latencies of all services, live",
        run,
    )
};

fn interval(text: &str) -> Result<Duration, String> {
    let seconds = gshell_small::decimal(text);
    match seconds.filter(|seconds| (0.1..=86_400.0).contains(seconds)) {
        Some(seconds) => Ok(Duration::from_secs_f64(seconds)),
        None => Err("it is a number of seconds from 0.1 to 86400".to_owned()),
    }
}

fn check_interval(text: &str) -> Result<(), String> {
    interval(text).map(drop)
}

/// A service that is watched.
struct Watched {
    client: Client,
    at: Instant,
    figures: Figures,
    /// What there was the time before.
    before: Option<(Instant, Figures)>,
}

/// A message type and how often it came since the time before.
struct Rate<'a> {
    service: &'a str,
    message: &'a MessageStats,
    calls: f64,
    errors: f64,
}

/// Asks again and again.
fn run(global: &Global, matches: &Matches) -> Outcome {
    let count = matches.number("count", 1, i64::from(u32::MAX))?;
    let pause = matches
        .parse("interval", interval)?
        .unwrap_or(Duration::from_secs(1));
    let mut patterns = matches.texts(0);
    if patterns.is_empty() {
        patterns.push("*".to_owned());
    }
    let redraw = !global.json && std::io::stdout().is_terminal();
    let mut services = Vec::new();
    look(global, &patterns, &mut services)?;
    let mut shown = 0;
    while count.is_none_or(|count| shown < count) {
        std::thread::sleep(pause);
        // Services come and go, and all of them may.
        if let Err(failure) = look(global, &patterns, &mut services) {
            output::note(&failure.text);
        }
        let text = match (global.json, redraw) {
            (true, _) => compact(&json(&services), None) + "\n",
            (false, true) => format!("{CLEAR}{}", screen(&services)),
            (false, false) => lines(&services, shown == 0),
        };
        if !output::print(&text)? {
            break;
        }
        shown += 1;
    }
    Ok(Status::Ok)
}

/// Asks all services; those that are new are added, those that do not answer any more are left out.
fn look(global: &Global, patterns: &[String], services: &mut Vec<(String, Watched)>) -> Result<(), Failure> {
    let mut now: Vec<(String, Watched)> = Vec::new();
    let mut failed = None;
    for pattern in patterns {
        match service::find(global, pattern) {
            Err(failure) => failed = Some(failure),
            Ok(found) => {
                for found in found {
                    let name = service::name_of(&found);
                    if now.iter().any(|(known, _)| *known == name) {
                        continue;
                    }
                    let old = services.iter().position(|(known, _)| *known == name);
                    let old = old.map(|at| services.swap_remove(at).1);
                    now.extend(ask(&name, &found, old).map(|watched| (name, watched)));
                }
            }
        }
    }
    *services = now;
    failed.map_or(Ok(()), Err)
}

fn ask(name: &str, found: &gshell_service::Found, old: Option<Watched>) -> Option<Watched> {
    if let Some(mut old) = old
        && let Ok(figures) = Figures::ask(&mut old.client, name)
    {
        return Some(Watched {
            client: old.client,
            at: Instant::now(),
            figures,
            before: Some((old.at, old.figures)),
        });
    }
    // It is new, or another one by the same name.
    let mut client = service::connect_to(found).ok()?;
    let figures = Figures::ask(&mut client, name).ok()?;
    Some(Watched {
        client,
        at: Instant::now(),
        figures,
        before: None,
    })
}

impl Watched {
    fn rates<'a>(&'a self, service: &'a str) -> impl Iterator<Item = Rate<'a>> {
        self.figures.stats.messages.iter().map(move |message| {
            let (calls, errors) = self.since(message).unwrap_or_default();
            Rate {
                service,
                message,
                calls,
                errors,
            }
        })
    }

    /// Calls and errors a second.
    fn since(&self, message: &MessageStats) -> Option<(f64, f64)> {
        let (at, before) = self.before.as_ref()?;
        let before = before
            .stats
            .messages
            .iter()
            .find(|old| old.name == message.name)?;
        let seconds = self.at.duration_since(*at).as_secs_f64().max(1e-3);
        let rate = |now: u32, then: u32| f64::from(now.wrapping_sub(then)) / seconds;
        Some((
            rate(message.calls, before.calls),
            rate(message.errors, before.errors),
        ))
    }
}

fn all(services: &[(String, Watched)]) -> Vec<Rate<'_>> {
    services
        .iter()
        .flat_map(|(name, watched)| watched.rates(name))
        .collect()
}

const HEAD: [&str; 10] = [
    "SERVICE", "MESSAGE", "CALLS/S", "ERRORS/S", "RUNNING", "QUEUED", "P50", "P90", "P99", "MAX",
];

/// Columns of lines: time, then as [`HEAD`].
const WIDTHS: [usize; 11] = [24, 24, 24, 8, 8, 7, 6, 6, 6, 6, 6];

fn cells(rate: &Rate<'_>) -> Vec<String> {
    let mut row = vec![rate.service.to_owned(), rate.message.name.clone()];
    row.extend([rate.calls, rate.errors].map(|rate| format!("{rate:.1}")));
    row.extend([rate.message.in_flight, rate.message.queued].map(|count| count.to_string()));
    row.extend(latencies(rate.message));
    row
}

/// The table for a terminal, cut to its size.
fn screen(services: &[(String, Watched)]) -> String {
    let (width, height) = term::window_size(std::io::stdout().as_fd()).unwrap_or((0, 0));
    let height = usize::from(if height == 0 { LINES } else { height });
    let mut rates: Vec<Rate<'_>> = Vec::new();
    for rate in all(services) {
        if rate.message.calls > 0 {
            let at = rates.partition_point(|other| other.calls >= rate.calls);
            rates.insert(at, rate);
        }
    }
    let mut rows = vec![table::row(HEAD)];
    rows.extend(rates.iter().map(cells));
    let mut text = format!(
        "{} UTC, {} services, {:.1} calls a second\n\n",
        time::table(clock::wall_ms()),
        services.len(),
        rates.iter().map(|rate| rate.calls).sum::<f64>()
    );
    text.push_str(&table::columns(&rows, 2));
    text.push('\n');
    for (name, watched) in services {
        text.push_str(&watched.figures.line(name));
        text.push('\n');
    }
    let width = if width == 0 { usize::MAX } else { width.into() };
    let lines = text.lines().take(height.saturating_sub(1));
    lines
        .map(|line| line.chars().take(width).chain(['\n']).collect::<String>())
        .collect()
}

/// A line for each message type that was called since the time before.
fn lines(services: &[(String, Watched)], head: bool) -> String {
    let now = time::rfc3339(clock::wall_ms()).unwrap_or_default();
    let mut rows = Vec::new();
    if head {
        rows.push(table::row(["TIME"]));
        rows[0].extend(table::row(HEAD));
    }
    for rate in all(services) {
        if rate.calls > 0.0 {
            let mut row = vec![now.clone()];
            row.extend(cells(&rate));
            rows.push(row);
        }
    }
    table::spaced(&rows, 3, &WIDTHS)
}

fn json(services: &[(String, Watched)]) -> Value {
    let one = |(name, watched): &(String, Watched)| {
        let messages = watched.rates(name).map(|rate| {
            object([
                ("name", text(&rate.message.name)),
                ("calls_per_s", Value::Float(rate.calls)),
                ("errors_per_s", Value::Float(rate.errors)),
            ])
        });
        object([
            ("service", text(name)),
            ("rates", Value::List(messages.collect())),
            ("stats", tree(&watched.figures.stats)),
            ("load", tree(&watched.figures.load)),
        ])
    };
    object([
        ("time", text(time::rfc3339(clock::wall_ms()).unwrap_or_default())),
        ("services", Value::List(services.iter().map(one).collect())),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals() {
        assert_eq!(interval("0.5"), Ok(Duration::from_millis(500)));
        for bad in ["0", "-1", "x", "1e9", "NaN"] {
            assert!(interval(bad).is_err(), "{bad}");
        }
    }
}
