//! `gshell mtrace show`: traces as lists and diagrams; and `--trace`, which shows those of one command.

use gshell_service::builtin::messages::{TraceRecords, TraceTag};
use gshell_service::trace;
use gshell_service::trace::record::Record;
use gshell_service::trace::render::{Form, render};
use gshell_service::trace::tags::MOST_CALLS;
use gshell_service::trace::token::{hex, new_base};
use gshell_wire::Value;

use super::collect::records;
use crate::cli::args::{Command, Many, Matches, Opt, Positional};
use crate::cli::failure::{Failure, Outcome};
use crate::cli::link::Global;
use crate::cli::output;
use crate::cli::value::tree;
use crate::exit_codes::Status;

pub const COMMAND: Command = Command {
    long: "What is shown is forgotten by the processes, unless --keep is given. Lines are indented by who called whom, \
           however the calls of several processes interleave.",
    options: &[
        Opt::flag("plantuml", "As sequence diagrams for PlantUML").conflicts(&["mermaid", "json"]),
        Opt::flag("mermaid", "As sequence diagrams for Mermaid").conflicts(&["json"]),
        Opt::flag("keep", "The processes keep what they tell"),
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
    let records = records(global, &tokens, !matches.flag("keep"))?;
    match (global.json, matches.flag("plantuml"), matches.flag("mermaid")) {
        (true, ..) => output::tree(&json(records.clone()))?,
        (_, true, _) => drop(output::print(&render(&records, Form::PlantUml))?),
        (_, _, true) => drop(output::print(&render(&records, Form::Mermaid))?),
        _ => drop(output::print(&render(&records, Form::List))?),
    }
    if !records.is_empty() {
        return Ok(Status::Ok);
    }
    let text = match tokens.is_empty() {
        true => "nothing is traced".to_owned(),
        false => format!("nothing is traced under {}", tokens.join(" or ")),
    };
    let text = format!("{text} ('gshell mtrace tag' traces messages, and what was shown once is gone)");
    Err(Failure::new(Status::NotFound, text))
}

fn json(records: Vec<Record>) -> Value {
    let all = TraceRecords {
        process: String::new(),
        records,
        dropped: 0,
    };
    match tree(&all) {
        Value::Struct(fields) => {
            let records = fields.into_iter().find(|(name, _)| name == "records");
            records.map_or(Value::Unit, |(_, records)| records)
        }
        other => other,
    }
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
        Err(failure) => failure.text,
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
