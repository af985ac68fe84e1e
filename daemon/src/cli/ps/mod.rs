//! `gshell ps`: environments as a table, in detail, or as JSON.

mod detail;
mod json;
mod table;

use gshell_control::messages::daemon::{GroupList, Groups, Jobs, Ps};
use gshell_control::{GroupInfo, Job};

pub use self::table::printable;
use super::args::{Command, Many, Matches, Opt, Positional, Values};
use super::failure::{Failure, Outcome};
use super::link::{Absent, Global, Link, QUICK};
use super::{output, values};
use crate::exit_codes::Status;

/// Narrows what is meant to a group.
pub const GROUP_OPTION: Opt = Opt::value(
    "group",
    "GROUP",
    "Only environments of this group: its name, with or without version, * for anything",
)
.short('g')
.values(Values::Group);

/// `gshell ps`.
pub const COMMAND: Command = Command {
    options: &[
        GROUP_OPTION,
        // All are listed as it is; the option is there because fingers know it from other programs.
        Opt::flag(
            "all",
            "List all environments, exited ones too; this is what happens anyway",
        )
        .short('a'),
    ],
    positionals: &[Positional::new("ID|NAME", "IDs or names, * for anything")
        .many(Many::Any)
        .values(Values::Job)
        .check(values::target)],
    examples: &[
        "gshell ps",
        "gshell ps -g web",
        "gshell ps top.lua",
        "gshell ps --json 'top*'",
    ],
    ..Command::new(
        "ps",
        "List environments, the newest first; with IDs or names, everything about these",
        run,
    )
};

/// Prints what was asked for; names that nothing has are an error, after everything that was found.
fn run(global: &Global, matches: &Matches) -> Outcome {
    let request = Ps {
        patterns: matches.texts(0),
        group: matches.string("group"),
    };
    let mut link = Link::open(global, Absent::Start)?;
    let Jobs { jobs } = link.call("cannot list environments", &request, QUICK)?;
    match (global.json, request.patterns.is_empty()) {
        (true, _) => output::json(&jobs.iter().map(json::Row::of).collect::<Vec<_>>())?,
        (false, true) => drop(output::print(&table::text(&jobs))?),
        (false, false) => drop(output::print(&detail::text(&jobs))?),
    }
    if let Some(group) = request.group.as_deref().filter(|_| jobs.is_empty()) {
        known_group(&mut link, group)?;
    }
    match unmatched(&request.patterns, &jobs) {
        None => Ok(Status::Ok),
        Some(text) => Err(Failure::new(Status::NotFound, text)),
    }
}

/// Tells a group in which nothing is listed from one that there is not.
fn known_group(link: &mut Link, pattern: &str) -> Result<(), Failure> {
    let GroupList { groups } = link.call("cannot list groups", &Groups {}, QUICK)?;
    let is_meant = |group: &GroupInfo| {
        let short = group.name.split_once('-').map_or("", |(name, _)| name);
        gshell_wire::matches(pattern, &group.name) || gshell_wire::matches(pattern, short)
    };
    match groups.iter().any(is_meant) {
        true => Ok(()),
        false => Err(Failure::new(Status::NotFound, no_group(pattern))),
    }
}

/// The error for names that no group has.
pub fn no_group(names: &str) -> String {
    format!("no group has the name {names} ('gshell info' lists them)")
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
