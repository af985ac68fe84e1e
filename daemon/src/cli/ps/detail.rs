//! Everything about an environment, as a block of lines.

use gshell_control::{Job, LastExit, Restart};

use super::table::printable;
use crate::cli::time;

/// The blocks of all environments, separated by an empty line.
pub fn text(jobs: &[Job]) -> String {
    let blocks: Vec<String> = jobs.iter().map(block).collect();
    blocks.join("\n")
}

fn block(job: &Job) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| text.push_str(&format!("{name:<13}: {value}\n"));
    line("GRE ID", &job.id);
    line("IN GROUP", &job.group);
    line("NAME", &printable(&job.name));
    line("ARGS", &args(&job.args));
    line("KIND", &format!("{} {}", job.kind, printable(&job.main)));
    line(
        "REQUESTED BY",
        &format!(
            "uid {} ({})",
            job.requester.uid,
            printable(&job.requester.process)
        ),
    );
    line("STATUS", &format!("{} {}", job.status(), job.duration()));
    line(
        "PID",
        &if job.pid > 0 {
            job.pid.to_string()
        } else {
            "-".to_owned()
        },
    );
    line(
        "RESTARTED",
        &format!("{} (policy: {})", job.restarts, policy(job)),
    );
    if job.memory > 0 {
        line("MEMORY LIMIT", &format!("{} bytes", job.memory));
    }
    line("START AT", &utc(job.started_ms));
    line("END AT", &utc(job.ended_ms));
    if let Some(code) = job.code {
        line("EXIT STATUS", &code.to_string());
    }
    line("ERROR", &indent(job.error.as_deref().unwrap_or("-")));
    if let Some(traceback) = &job.traceback {
        line("TRACEBACK", &indent(traceback));
    }
    if let Some(why) = &job.unsaved {
        line("NOT SAVED", &indent(why));
    }
    for exit in job.last_exits.iter().rev() {
        line("LAST EXIT", &last(exit));
    }
    text
}

fn args(args: &[String]) -> String {
    let quoted =
        |arg: &String| match arg.is_empty() || arg.contains(|c: char| c.is_whitespace() || c.is_control()) {
            true => format!("{arg:?}"),
            false => arg.clone(),
        };
    args.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

fn policy(job: &Job) -> String {
    match job.restart {
        Restart::Never => "never".to_owned(),
        Restart::Always => "always".to_owned(),
        Restart::Times(most) => format!("{} of {most} left", job.restarts_left),
    }
}

fn utc(ms: i64) -> String {
    match time::table(ms) {
        none if none == "-" => none,
        text => format!("{text} UTC"),
    }
}

fn last(exit: &LastExit) -> String {
    let mut text = format!("{} {}", utc(exit.ended_ms), exit.exit);
    if let Some(code) = exit.code {
        text.push_str(&format!(", status {code}"));
    }
    if let Some(error) = &exit.error {
        text.push_str(&format!(", {}", indent(error)));
    }
    if !exit.tail.trim().is_empty() {
        text.push_str(&format!("\n  last output:\n  {}", indent(exit.tail.trim_end())));
    }
    text
}

/// Further lines of a text are moved in, so that a block's own lines stand out; control characters go.
fn indent(text: &str) -> String {
    let lines: Vec<String> = text
        .lines()
        .map(|line| printable(&line.replace('\t', "    ")))
        .collect();
    lines.join("\n  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks() {
        let want = "\
GRE ID       : 00aa11bb22cc
IN GROUP     : web-0.1.0
NAME         : a-rather-long-name.lua
ARGS         : -n \"two words\"
KIND         : script main.lua
REQUESTED BY : uid 1000 (pid 77)
STATUS       : running 12.3s
PID          : 812
RESTARTED    : 2 (policy: always)
MEMORY LIMIT : 16777216 bytes
START AT     : 2006/01/02 15:04:05 UTC
END AT       : -
ERROR        : -

GRE ID       : ff0011223344
IN GROUP     : x-0.1.0
NAME         : b.lua
ARGS         : 
KIND         : script 
REQUESTED BY : uid 0 ()
STATUS       : exited:ERR, gave up 1.0s
PID          : -
RESTARTED    : 0 (policy: 0 of 1 left)
START AT     : 2006/01/02 15:04:05 UTC
END AT       : 2006/01/02 15:04:06 UTC
EXIT STATUS  : 1
ERROR        : main.lua:3: no
  way
TRACEBACK    : stack traceback:
    main.lua:3
LAST EXIT    : 2006/01/02 15:04:06 UTC error, status 1, main.lua:3: no
  way
  last output:
  one
  two
";
        assert_eq!(text(&super::super::samples::jobs()), want);
    }
}
