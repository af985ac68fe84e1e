//! `gshell mtrace`: traces of messages, collected from all processes of the node.

mod collect;
mod list;
mod parts;
mod show;

use gshell_control::names::{GROUP_SERVICE_PREFIX, PUBLISHER};
use gshell_service::builtin::messages::{
    TraceDropped, TraceFilter, TracePurge, TraceTag, TraceTagged, TraceUntag,
};
use gshell_service::trace::tags::MOST_CALLS;
use gshell_service::trace::token::{hex, new_base};
use gshell_wire::Value;

use self::collect::{Process, processes};
pub use self::show::traced;
use crate::cli::args::{Command, Many, Matches, Opt, Positional, Values};
use crate::cli::failure::{Failure, Outcome};
use crate::cli::link::Global;
use crate::cli::service::{self, EACH};
use crate::cli::value::{object, text};
use crate::cli::{output, values};
use crate::exit_codes::Status;

/// `gshell mtrace`.
pub const COMMAND: Command = Command {
    long: "A process that has a tag traces its next calls of that message type: the call gets a token, which travels \
           with every message that is sent while handling it, through all services. Each of them notes what it sends \
           and receives; 'show' collects that and forgets it. Tags are set where calls are made, so they go to every \
           process of the node that has a service. 'gshell call --trace' traces a call of its own.",
    commands: &[&list::COMMAND, &TAG, &UNTAG, &show::COMMAND, &PURGE],
    examples: &[
        "gshell mtrace tag echo.Request -c 3 -f 'who=J*'",
        "gshell mtrace show",
        "gshell mtrace show --mermaid 0f1e2d3c4b5a69788796a5b4c3d2.0",
        "gshell mtrace untag all",
    ],
    ..Command::new("mtrace", "Trace messages through services", no_command)
};

const TAG: Command = Command {
    long: "Prints the token: those of the calls are TOKEN.0, TOKEN.1 and so on, and 'gshell mtrace show TOKEN' shows \
           them all.",
    options: &[
        Opt::value("count", "CALLS", "Trace so many calls of each process, 1 to 4096")
            .short('c')
            .default("1"),
        Opt::value(
            "filter",
            "FIELD=PATTERN",
            "Only when the field's text is like this, * for anything; all must match",
        )
        .short('f')
        .many()
        .check(check_filter),
        Opt::value(
            "group",
            "GROUP",
            "Only calls of this group: its name, with or without version",
        )
        .short('g')
        .values(Values::Group)
        .check(values::group)
        .conflicts(&["service"]),
        Opt::value(
            "service",
            "PUBLISHER/SERVICE",
            "Only calls of the process that has this service, * for anything",
        )
        .values(Values::Service)
        .check(service::check_pattern),
    ],
    positionals: &[Positional::new("TYPE", "Name of the message, * for anything").values(Values::Message)],
    examples: &[
        "gshell mtrace tag echo.Request",
        "gshell mtrace tag -c 10 -g web 'echo.*'",
        "gshell mtrace tag gshell.Run -f 'name=top*' -f 'group=web'",
    ],
    ..Command::new("tag", "Trace the next calls of a message type", tag)
};

const UNTAG: Command = Command {
    positionals: &[
        Positional::new("TYPE|all", "Names of tagged messages, * for anything")
            .many(Many::Some)
            .values(Values::Message),
    ],
    examples: &["gshell mtrace untag echo.Request", "gshell mtrace untag all"],
    ..Command::new("untag", "Trace a message type no more", untag)
};

const PURGE: Command = Command {
    examples: &["gshell mtrace purge"],
    ..Command::new("purge", "Drop everything that was traced, unread", purge)
};

/// Which of these is meant has to be said.
fn no_command(_: &Global, matches: &Matches) -> Outcome {
    Err(matches.wrong("no command given: list, tag, untag, show or purge"))
}

fn check_filter(text: &str) -> Result<(), String> {
    match text.split_once('=') {
        Some((path, _)) if !path.is_empty() => Ok(()),
        _ => Err("it is the name of a field and a pattern with '=' between them, as in who=J*".to_owned()),
    }
}

/// The pattern of the services whose processes are meant.
fn meant(matches: &Matches) -> Vec<String> {
    match (matches.text("group"), matches.text("service")) {
        // A group is named with its version or without.
        (Some(group), _) => ["", "-*"]
            .map(|rest| format!("{PUBLISHER}/{GROUP_SERVICE_PREFIX}{group}{rest}"))
            .to_vec(),
        (None, Some(service)) => vec![service.to_owned()],
        (None, None) => vec!["*".to_owned()],
    }
}

/// Sets a tag in all processes that are meant.
fn tag(global: &Global, matches: &Matches) -> Outcome {
    let name = matches.texts(0).concat();
    let count = matches.number("count", 1, MOST_CALLS.into())?;
    let filters = matches.all("filter");
    let request = TraceTag {
        name,
        count: count.and_then(|count| u32::try_from(count).ok()).unwrap_or(1),
        filters: filters
            .iter()
            .filter_map(|filter| filter.split_once('='))
            .map(|(path, pattern)| TraceFilter {
                path: path.to_owned(),
                pattern: pattern.to_owned(),
            })
            .collect(),
        token: hex(&new_base()),
    };
    let patterns = meant(matches);
    let mut tagged = Vec::new();
    for mut process in processes(global, &patterns)? {
        match process.client.call::<_, TraceTagged>(&request, Some(EACH)) {
            Ok(set) => tagged.push((process.name, set.token)),
            Err(fault) => output::note(&format!("cannot tag in {}: {fault}", process.name)),
        }
    }
    if global.json {
        let one = |(process, token): &(String, String)| {
            object([("process", text(process)), ("token", text(token))])
        };
        output::tree(&Value::List(tagged.iter().map(one).collect()))?;
    } else {
        let mut lines = format!("{} traced in {} processes:", request.name, tagged.len());
        for (process, token) in &tagged {
            // One that was tagged before goes on with the token that it has.
            lines.push_str(&match *token == request.token {
                true => format!(" {process}"),
                false => format!(" {process} (token {token})"),
            });
        }
        if !tagged.is_empty() {
            output::print(&format!("{lines}\ntoken {}\n", request.token))?;
        }
    }
    if tagged.is_empty() {
        let text = format!(
            "no process was tagged: none has a service like {}",
            patterns.join(" or ")
        );
        return Err(Failure::new(Status::NotFound, text));
    }
    if !list::is_handled(global, &request.name) {
        output::note(&format!(
            "no service handles {} at the moment ('gshell mtrace list' shows what they handle)",
            request.name
        ));
    }
    Ok(Status::Ok)
}

/// Takes tags away in all processes.
fn untag(global: &Global, matches: &Matches) -> Outcome {
    let names = matches.texts(0);
    let all = names.iter().any(|name| name == "all");
    let names = if all { vec!["*".to_owned()] } else { names };
    let mut count = 0;
    let mut found = processes(global, &["*".to_owned()])?;
    for name in &names {
        let request = TraceUntag { name: name.clone() };
        count += sum(&mut found, &request);
    }
    say(global, "removed", count, "tags")?;
    match count == 0 && !all {
        true => Err(Failure::new(
            Status::NotFound,
            format!("no process has a tag {}", names.join(" or ")),
        )),
        false => Ok(Status::Ok),
    }
}

/// Drops all records in all processes.
fn purge(global: &Global, _: &Matches) -> Outcome {
    let mut found = processes(global, &["*".to_owned()])?;
    let count = sum(&mut found, &TracePurge {});
    say(global, "dropped", count, "records")?;
    Ok(Status::Ok)
}

/// Asks all processes for something that they count.
fn sum<Q: gshell_wire::Message>(processes: &mut [Process], request: &Q) -> u32 {
    let mut sum = 0_u32;
    for process in processes {
        match process.client.call::<Q, TraceDropped>(request, Some(EACH)) {
            Ok(TraceDropped { count }) => sum = sum.saturating_add(count),
            Err(fault) => output::note(&format!("{} does not answer: {fault}", process.name)),
        }
    }
    sum
}

fn say(global: &Global, word: &str, count: u32, what: &str) -> Result<(), Failure> {
    match global.json {
        true => output::tree(&object([(word, Value::Uint(count.into()))])),
        false => output::print(&format!("{count} {what} {word}\n")).map(drop),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_fields_and_patterns() {
        for good in ["a=b", "a.b=*", "a="] {
            assert_eq!(check_filter(good), Ok(()), "{good}");
        }
        for bad in ["a", "=b", ""] {
            assert!(check_filter(bad).is_err(), "{bad}");
        }
    }
}
