//! `gshell ps`: environments as a table, in detail, or as JSON.

mod detail;
mod json;
mod table;

use gshell_control::Job;
use gshell_control::messages::daemon::{Jobs, Ps};

use super::failure::{Failure, Outcome};
use super::link::{Absent, Global, Link, QUICK};
use super::{output, values};
use crate::exit_codes::Status;

/// List environments, the newest first; with IDs or names, everything about these.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  gshell ps\n  gshell ps -g web\n  gshell ps top.lua\n  gshell ps --json 'top*'"
)]
pub struct Args {
    /// Only environments of this group: its name, with or without version, * for anything.
    #[arg(short, long)]
    group: Option<String>,

    /// List all environments, exited ones too; this is what happens anyway.
    #[arg(short, long)]
    all: bool,

    /// IDs or names, * for anything.
    #[arg(value_name = "ID|NAME", value_parser = values::target)]
    targets: Vec<String>,
}

/// Prints what was asked for; names that nothing has are an error, after everything that was found.
pub fn run(global: &Global, args: Args) -> Outcome {
    // All are listed as it is; the option is there because fingers know it from other programs.
    let Args {
        group,
        all: _,
        targets,
    } = args;
    let request = Ps {
        patterns: targets,
        group,
    };
    let mut link = Link::open(global, Absent::Start)?;
    let Jobs { jobs } = link.call("cannot list environments", &request, QUICK)?;
    match (global.json, request.patterns.is_empty()) {
        (true, _) => output::json(&jobs.iter().map(json::Row::of).collect::<Vec<_>>())?,
        (false, true) => drop(output::print(&table::text(&jobs))?),
        (false, false) => drop(output::print(&detail::text(&jobs))?),
    }
    match unmatched(&request.patterns, &jobs) {
        None => Ok(Status::Ok),
        Some(text) => Err(Failure::new(Status::NotFound, text)),
    }
}

/// Says which patterns match none of `jobs`.
fn unmatched(patterns: &[String], jobs: &[Job]) -> Option<String> {
    let missing: Vec<&str> = patterns
        .iter()
        .filter(|pattern| !jobs.iter().any(|job| job.matches(pattern)))
        .map(String::as_str)
        .collect();
    (!missing.is_empty()).then(|| nothing_matched(&missing))
}

/// The error for patterns that matched no environment.
pub fn nothing_matched<T: AsRef<str>>(patterns: &[T]) -> String {
    let names: Vec<&str> = patterns.iter().map(AsRef::as_ref).collect();
    format!(
        "no environment has the ID or name {} ('gshell ps' lists them)",
        names.join(", ")
    )
}

#[cfg(test)]
mod samples {
    use gshell_control::{Exit, Job, LastExit, Requester, Restart, State};

    /// A running script and one that failed for good.
    pub fn jobs() -> Vec<Job> {
        let running = Job {
            id: "00aa11bb22cc".into(),
            group: "web-0.1.0".into(),
            name: "a-rather-long-name.lua".into(),
            args: vec!["-n".into(), "two words".into()],
            main: "main.lua".into(),
            package: "ab".repeat(32),
            state: State::Running,
            restart: Restart::Always,
            restarts: 2,
            restarts_left: u32::MAX,
            memory: 16 << 20,
            created_ms: 1_136_214_245_000,
            started_ms: 1_136_214_245_678,
            duration_ms: 12_345,
            pid: 812,
            requester: Requester {
                uid: 1000,
                process: "pid 77".into(),
            },
            ..Job::default()
        };
        let last = LastExit {
            ended_ms: 1_136_214_246_000,
            exit: Exit::Error,
            code: Some(1),
            error: Some("main.lua:3: no\nway".into()),
            tail: "one\ntwo\n".into(),
        };
        let failed = Job {
            id: "ff0011223344".into(),
            group: "x-0.1.0".into(),
            name: "b.lua".into(),
            state: State::Exited,
            exit: Some(Exit::Error),
            error: last.error.clone(),
            traceback: Some("stack traceback:\n  main.lua:3".into()),
            code: Some(1),
            gave_up: true,
            restart: Restart::Times(1),
            started_ms: 1_136_214_245_000,
            ended_ms: 1_136_214_246_000,
            duration_ms: 1000,
            last_exits: vec![last],
            ..Job::default()
        };
        vec![running, failed]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matched_nothing_is_named() {
        let jobs = samples::jobs();
        let patterns = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            unmatched(&patterns(&["b.lua", "00aa*", "ff0011223344"]), &jobs),
            None
        );
        let text = unmatched(&patterns(&["b.lua", "c.lua", "zz*"]), &jobs).unwrap();
        assert!(text.contains("c.lua, zz*") && !text.contains("b.lua"), "{text}");
        assert_eq!(unmatched(&[], &[]), None);
    }
}
