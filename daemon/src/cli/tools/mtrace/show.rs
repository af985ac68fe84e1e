//! `gshell mtrace show`: traces as lists and diagrams; and `--trace`, which shows those of one command.

use gshell_service::builtin::messages::TraceTag;
use gshell_service::trace::render::{Form, render};
use gshell_service::trace::tags::MOST_CALLS;
use gshell_service::trace::token::{hex, new_base};
use gshell_service::{Node, trace};

use super::collect::records;
use super::parts::{self, Noted};
use crate::cli::args::{Command, Many, Matches, Opt, Positional, Values};
use crate::cli::failure::{Failure, Outcome};
use crate::cli::link::Global;
use crate::cli::output;
use crate::exit_codes::Status;

pub const COMMAND: Command = Command {
    long: "What is shown is forgotten by the processes, unless --keep is given. Lines are indented by who called whom, \
           however the calls of several processes interleave. A call that goes on to other nodes leaves a part of its \
           trace on each: 'show --json' there, and '--from' with what it printed here, make them one.",
    options: &[
        Opt::flag("plantuml", "As sequence diagrams for PlantUML").conflicts(&["mermaid", "json"]),
        Opt::flag("mermaid", "As sequence diagrams for Mermaid").conflicts(&["json"]),
        Opt::flag("keep", "The processes keep what they tell"),
        Opt::value(
            "from",
            "FILE",
            "Also the records in FILE, as 'mtrace show --json' of another node printed them",
        )
        .many()
        .values(Values::File),
    ],
    positionals: &[Positional::new(
        "TOKEN",
        "Token of a trace, or of a tag for all its traces; all without one",
    )
    .many(Many::Any)
    .check(check_token)],
    examples: &[
        "gshell mtrace show",
        "gshell mtrace show --plantuml 0f1e2d3c4b5a69788796a5b4c3d2",
        "ssh board gshell mtrace show --json > board.json; gshell mtrace show --from board.json",
    ],
    ..Command::new("show", "Show traces, from all processes of the node", run)
};

fn check_token(text: &str) -> Result<(), String> {
    let (base, number) = text.split_once('.').unwrap_or((text, "0"));
    let hex = base.len() == 28 && base.bytes().all(|byte| byte.is_ascii_hexdigit());
    match hex && number.parse::<u16>().is_ok() {
        true => Ok(()),
        false => {
            Err("a token has 28 hexadecimal digits, and '.' and a number for one trace of several".to_owned())
        }
    }
}

/// Prints the traces; none is an error.
fn run(global: &Global, matches: &Matches) -> Outcome {
    let tokens = matches.texts(0);
    // What cannot be read is told before anything is forgotten.
    let mut all = Vec::new();
    for path in matches.all("from") {
        parts::add(&path, &tokens, &mut all)?;
    }
    let node = Node::of(&global.dirs).id;
    let own = records(global, &tokens, !matches.flag("keep"))?.into_iter();
    let noted = own.map(|record| Noted {
        node: node.clone(),
        record,
    });
    parts::join(&mut all, noted);
    let is_empty = all.is_empty();
    let form = match (matches.flag("plantuml"), matches.flag("mermaid")) {
        (true, _) => Form::PlantUml,
        (_, true) => Form::Mermaid,
        _ => Form::List,
    };
    match global.json {
        true => output::tree(&parts::json(all))?,
        false => drop(output::print(&render(&parts::named(all), form))?),
    }
    if !is_empty {
        return Ok(Status::Ok);
    }
    let text = match tokens.is_empty() {
        true => "nothing is traced".to_owned(),
        false => format!("nothing is traced under {}", tokens.join(" or ")),
    };
    let text = format!("{text} ('gshell mtrace tag' traces messages, and what was shown once is gone)");
    Err(Failure::new(Status::NotFound, text))
}

/// Does something with these message types traced, as this process sends them, and prints what came of it to standard
/// error: what is printed to standard output stays what it is.
pub fn traced(global: &Global, types: &[&str], work: &mut dyn FnMut() -> Outcome) -> Outcome {
    let mut tokens = Vec::new();
    for name in types {
        let tag = TraceTag {
            name: (*name).to_owned(),
            count: MOST_CALLS,
            filters: Vec::new(),
            token: hex(&new_base()),
        };
        let tagged =
            trace::tag(&tag).map_err(|fault| Failure::fault(&format!("cannot trace {name}"), &fault))?;
        tokens.push(tagged.token);
    }
    let outcome = work();
    let text = match records(global, &tokens, true) {
        Ok(records) if records.is_empty() => {
            format!("nothing was traced: this command sent no {}", types.join(", "))
        }
        Ok(records) => format!("traced:\n{}", render(&records, Form::List)),
        Err(failure) => failure.text.clone(),
    };
    output::note(&text);
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens() {
        let base = "0f1e2d3c4b5a69788796a5b4c3d2";
        for good in [base.to_owned(), format!("{base}.0"), format!("{base}.4095")] {
            assert_eq!(check_token(&good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "-",
            &base[1..],
            &format!("{base}."),
            &format!("{base}.x"),
            "all",
        ] {
            assert!(check_token(bad).is_err(), "{bad}");
        }
    }
}
