//! `gshell kill`: the end of whole groups.

use gshell_control::messages::daemon::{GroupsKilled, KillGroups};

use serde::Serialize;

use super::act::refusals;
use super::args::{Command, Many, Matches, Opt, Positional, Values};
use super::failure::{Failure, Outcome};
use super::link::{Absent, Global, Link, SLOW};
use super::ps::no_group;
use super::{output, values};
use crate::exit_codes::Status;

/// `gshell kill`.
pub const COMMAND: Command = Command {
    options: &[Opt::flag("force", "Also groups in which environments run").short('f')],
    positionals: &[Positional::new(
        "GROUP",
        "Names of groups, with or without version, * for anything",
    )
    .many(Many::Some)
    .values(Values::Group)
    .check(values::target)],
    examples: &[
        "gshell kill web",
        "gshell kill 'test*'",
        "gshell kill -f web-0.1.0",
    ],
    ..Command::new(
        "kill",
        "End groups and forget their environments; refused while environments run, unless forced",
        run,
    )
};

#[derive(Serialize)]
struct Report<'a> {
    killed: &'a [String],
    refused: Vec<&'a str>,
    unmatched: &'a [String],
}

/// Ends the groups and prints their names. When one is refused, nothing is changed.
fn run(global: &Global, matches: &Matches) -> Outcome {
    let mut link = Link::open(global, Absent::Fail)?;
    let request = KillGroups {
        patterns: matches.texts(0),
        force: matches.flag("force"),
    };
    let killed: GroupsKilled = link.call("cannot kill groups", &request, SLOW)?;
    match global.json {
        true => output::json(&Report {
            killed: &killed.killed,
            refused: killed.refused.iter().map(|group| group.id.as_str()).collect(),
            unmatched: &killed.unmatched,
        })?,
        false => drop(output::print(&text(&killed))?),
    }
    verdict(&killed)
}

fn text(killed: &GroupsKilled) -> String {
    match killed.killed.is_empty() {
        true => "none killed\n".to_owned(),
        false => format!("{} killed\n", killed.killed.join(" ")),
    }
}

fn verdict(killed: &GroupsKilled) -> Outcome {
    if let Some(status) = Status::of_refusals(killed.refused.iter().map(|refused| refused.code)) {
        let text = refusals("kill", &killed.refused).join("\ngshell: ");
        let after = match status == Status::Refused && killed.killed.is_empty() {
            true => "\ngshell: nothing was changed ('-f' ends them anyway)",
            false => "",
        };
        return Err(Failure::new(status, text + after));
    }
    if !killed.unmatched.is_empty() {
        let text = no_group(&killed.unmatched.join(", "));
        return Err(Failure::new(Status::NotFound, text));
    }
    Ok(Status::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gshell_control::messages::daemon::Refused;
    use gshell_wire::Code;

    #[test]
    fn names_are_printed() {
        let killed = GroupsKilled {
            killed: vec!["a-1".into(), "b-1".into()],
            ..GroupsKilled::default()
        };
        assert_eq!(text(&killed), "a-1 b-1 killed\n");
        assert_eq!(verdict(&killed), Ok(Status::Ok));
        assert_eq!(text(&GroupsKilled::default()), "none killed\n");
    }

    #[test]
    fn a_refusal_names_what_runs() {
        let refused = Refused {
            id: "a-1".into(),
            name: "a".into(),
            reason: "00aa11bb22cc (top.lua) runs".into(),
            code: Code::State as u16,
        };
        let failure = verdict(&GroupsKilled {
            refused: vec![refused],
            ..GroupsKilled::default()
        })
        .unwrap_err();
        assert_eq!(failure.status, Status::Refused);
        assert!(
            failure
                .text
                .starts_with("cannot kill a-1: 00aa11bb22cc (top.lua) runs\n"),
            "{}",
            failure.text
        );
        let unmatched = GroupsKilled {
            unmatched: vec!["x".into()],
            ..GroupsKilled::default()
        };
        assert_eq!(verdict(&unmatched).unwrap_err().status, Status::NotFound);
    }
}
