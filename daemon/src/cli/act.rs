//! `gshell stop`, `start`, `restart` and `rm`: one thing done to every environment that is named.

use gshell_control::messages::daemon::{Act, Acted, Action, Refused};
use serde::Serialize;

use super::args::{Command, Many, Matches, Opt, Positional, Values};
use super::failure::{Failure, Outcome};
use super::link::{Absent, Global, Link, SLOW};
use super::{output, ps, values};
use crate::exit_codes::Status;

/// Which environments.
const TARGETS: &[Positional] = &[Positional::new("ID|NAME", "IDs or names, * for anything")
    .many(Many::Some)
    .values(Values::Job)
    .check(values::target)];

/// How.
const OPTIONS: &[Opt] = &[
    ps::GROUP_OPTION,
    Opt::flag(
        "force",
        "Also where it would be refused because the environment runs: end it first",
    )
    .short('f'),
];

/// Their examples differ by the name only, which is why they are the same for all.
const EXAMPLES: &[&str] = &[
    "gshell stop 00aa11bb22cc",
    "gshell stop -g web '*'",
    "gshell restart top.lua",
    "gshell start top.lua",
    "gshell rm -f 'top*'",
];

/// One of them.
const fn command(name: &'static str, about: &'static str, run: fn(&Global, &Matches) -> Outcome) -> Command {
    Command {
        positionals: TARGETS,
        options: OPTIONS,
        examples: EXAMPLES,
        ..Command::new(name, about, run)
    }
}

/// `gshell stop`.
pub const STOP: Command = command(
    "stop",
    "Ask environments to end: their on_stop runs, and after a grace period they are ended",
    |global, matches| act(global, Action::Stop, matches),
);

/// `gshell start`.
pub const START: Command = command(
    "start",
    "Start environments that have exited, with the same ID and policy",
    |global, matches| act(global, Action::Start, matches),
);

/// `gshell restart`.
pub const RESTART: Command = command(
    "restart",
    "Stop environments and start them again",
    |global, matches| act(global, Action::Restart, matches),
);

/// `gshell rm`.
pub const REMOVE: Command = command(
    "rm",
    "Forget environments that have exited: their records and logs",
    |global, matches| act(global, Action::Remove, matches),
);

#[derive(Debug, Serialize)]
struct Report<'a> {
    done: Vec<Line<'a>>,
    refused: Vec<Line<'a>>,
    unmatched: &'a [String],
}

#[derive(Debug, Serialize)]
struct Line<'a> {
    id: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    outcome: &'a str,
}

/// Does `action`, and prints the IDs of the environments that it was done to.
fn act(global: &Global, action: Action, matches: &Matches) -> Outcome {
    let mut link = Link::open(global, Absent::Fail)?;
    let request = Act {
        action,
        patterns: matches.texts(0),
        group: matches.string("group"),
        force: matches.flag("force"),
    };
    let acted: Acted = link.call(&format!("cannot {action}"), &request, SLOW)?;
    match global.json {
        true => output::json(&Report::of(&acted))?,
        false => drop(output::print(&text(action, &acted))?),
    }
    verdict(action, &acted)
}

/// What was done, in the past.
fn word(action: Action) -> &'static str {
    match action {
        Action::Stop => "stopped",
        Action::Start => "started",
        Action::Restart => "restarted",
        Action::Remove => "removed",
        Action::Kill => "killed",
    }
}

fn text(action: Action, acted: &Acted) -> String {
    let mut text: String = acted.done.iter().map(|done| format!("{}\n", done.id)).collect();
    if !text.is_empty() {
        text.push_str(word(action));
        text.push('\n');
    }
    text
}

/// A refusal weighs more than a name that nothing has.
fn verdict(action: Action, acted: &Acted) -> Outcome {
    let mut reasons = refusals(action.as_str(), &acted.refused);
    if !acted.unmatched.is_empty() {
        reasons.push(ps::nothing_matched(&acted.unmatched));
    }
    let refusal = Status::of_refusals(acted.refused.iter().map(|refused| refused.code));
    let status = match (refusal, reasons.is_empty()) {
        (None, true) => return Ok(Status::Ok),
        (Some(status), _) => status,
        (None, false) => Status::NotFound,
    };
    Err(Failure::new(status, reasons.join("\ngshell: ")))
}

/// Refusals that are told one by one; a wildcard can meet hundreds.
const TOLD: usize = 10;

/// A line for each thing that was left alone.
pub fn refusals(verb: &str, refused: &[Refused]) -> Vec<String> {
    let line = |refused: &Refused| match refused.name.is_empty() || refused.id.starts_with(&refused.name) {
        true => format!("cannot {verb} {}: {}", refused.id, refused.reason),
        false => format!(
            "cannot {verb} {} ({}): {}",
            refused.id, refused.name, refused.reason
        ),
    };
    let mut lines: Vec<String> = refused.iter().take(TOLD).map(line).collect();
    if refused.len() > TOLD {
        lines.push(format!("and {} more were refused", refused.len() - TOLD));
    }
    lines
}

impl<'a> Report<'a> {
    fn of(acted: &'a Acted) -> Self {
        let done = acted.done.iter().map(|done| Line {
            id: &done.id,
            name: &done.name,
            group: Some(&done.group),
            outcome: &done.outcome,
        });
        let refused = acted.refused.iter().map(|refused| Line {
            id: &refused.id,
            name: &refused.name,
            group: None,
            outcome: &refused.reason,
        });
        Self {
            done: done.collect(),
            refused: refused.collect(),
            unmatched: &acted.unmatched,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gshell_control::messages::daemon::Done;
    use gshell_wire::Code;

    fn acted() -> Acted {
        let done = |id: &str| Done {
            id: id.into(),
            name: "a.lua".into(),
            group: "g-1".into(),
            outcome: "stopped".into(),
        };
        let refused = Refused {
            id: "ff".into(),
            name: "b.lua".into(),
            reason: "it runs".into(),
            code: Code::State as u16,
        };
        Acted {
            done: vec![done("00"), done("11")],
            refused: vec![refused],
            unmatched: vec!["c.lua".into()],
        }
    }

    #[test]
    fn ids_and_then_what_was_done() {
        assert_eq!(text(Action::Stop, &acted()), "00\n11\nstopped\n");
        assert_eq!(text(Action::Remove, &Acted::default()), "");
    }

    #[test]
    fn the_worst_decides() {
        assert_eq!(verdict(Action::Stop, &Acted::default()), Ok(Status::Ok));
        let mut acted = acted();
        let failure = verdict(Action::Remove, &acted).unwrap_err();
        assert_eq!(failure.status, Status::Refused);
        assert!(failure.text.contains("cannot rm ff (b.lua): it runs\n") && failure.text.contains("c.lua"));
        acted.refused[0].code = Code::Unreachable as u16;
        assert_eq!(
            verdict(Action::Remove, &acted).unwrap_err().status,
            Status::Unreachable
        );
        acted.refused.clear();
        assert_eq!(
            verdict(Action::Remove, &acted).unwrap_err().status,
            Status::NotFound
        );
    }

    #[test]
    fn many_refusals_are_counted() {
        let refused = vec![
            Refused {
                id: "ff".into(),
                name: String::new(),
                reason: "no".into(),
                code: Code::State as u16,
            };
            TOLD + 5
        ];
        let lines = refusals("stop", &refused);
        assert_eq!(
            (lines.len(), lines[TOLD].as_str()),
            (TOLD + 1, "and 5 more were refused")
        );
    }

    #[test]
    fn json_has_all_three() {
        let acted = acted();
        let text = serde_json::to_string(&Report::of(&acted)).unwrap();
        let want = concat!(
            r#"{"done":[{"id":"00","name":"a.lua","group":"g-1","outcome":"stopped"},"#,
            r#"{"id":"11","name":"a.lua","group":"g-1","outcome":"stopped"}],"#,
            r#""refused":[{"id":"ff","name":"b.lua","outcome":"it runs"}],"unmatched":["c.lua"]}"#
        );
        assert_eq!(text, want);
    }
}
