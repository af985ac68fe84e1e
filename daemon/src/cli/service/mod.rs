//! What the commands that talk to any service have in common: its name, the way to it, and what it handles.

mod known;
pub mod shape;
pub mod table;

use std::time::{Duration, Instant};

use gshell_service::blocking::Client;
use gshell_service::{Address, Discover, Found, Node, Scopes, Timeout, discover};
use gshell_wire::{Code, Fault, Message, check_name};

pub use self::known::{Known, Type};
use super::args::{Matches, Opt, Positional, Values, nearest};
use super::failure::Failure;
use super::link::{Global, QUICK, connect, no_node};
use crate::exit_codes::Status;

/// Time that each of many services has: one that hangs must not hold up what the others say.
pub const EACH: Duration = Duration::from_secs(2);

/// Names that are suggested at most.
const SHOWN: usize = 20;

/// Publisher and name of one service.
pub const SERVICE: Positional = Positional::new("PUBLISHER/SERVICE", "Publisher and name of the service")
    .values(Values::Service)
    .check(check);

/// A service at an address that needs no discovery.
pub const TCP: Opt = Opt::value(
    "tcp",
    "HOST:PORT",
    "Connect to this TCP address instead of looking for it",
);

/// Scopes to look in.
pub const SCOPE: Opt = Opt::value("scope", "SCOPE", "Look in this scope only: os, lan or wan")
    .values(Values::Words(&["os", "lan", "wan"]))
    .conflicts(&["tcp"]);

fn check(text: &str) -> Result<(), String> {
    let Some((publisher, service)) = text.split_once('/') else {
        return Err("it is publisher and service with '/' between them, as in gshell/daemon".to_owned());
    };
    for name in [publisher, service] {
        check_name(name).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Checks a pattern of publisher and service, where `*` stands for anything.
pub fn check_pattern(text: &str) -> Result<(), String> {
    match text.replace('*', "x").as_str() {
        "x" => Ok(()),
        plain => check(plain),
    }
}

fn split(name: &str) -> (&str, &str) {
    name.split_once('/').unwrap_or((name, "*"))
}

fn search(global: &Global, name: &str, scopes: Scopes) -> Discover {
    let (publisher, service) = split(name);
    let provider = global.provider.as_deref().unwrap_or("*");
    discover(&Node::of(&global.dirs), publisher, service)
        .timeout(Timeout::Once)
        .provider(provider)
        .scopes(scopes)
}

/// The services that a pattern means, sorted; none is an error.
pub fn find(global: &Global, pattern: &str) -> Result<Vec<Found>, Failure> {
    global.dirs.check_run().map_err(Failure::error)?;
    // The files of one scope come sorted.
    let found = search(global, pattern, Scopes::OS).all_blocking();
    found.map_err(|fault| not_found(global, pattern, &fault))
}

/// A connection to the one service that the command line names.
pub fn open(global: &Global, matches: &Matches, name: &str) -> Result<Client, Failure> {
    if let Some(host_port) = matches.text(TCP.long) {
        let place = format!("tcp:{host_port}");
        let deadline = Instant::now() + QUICK;
        return Address::parse(&place)
            .and_then(|address| address.connect_blocking(Some(deadline)))
            .map_err(|fault| Failure::fault(&format!("cannot reach {name}"), &fault));
    }
    global.dirs.check_run().map_err(Failure::error)?;
    let scopes = match matches.text(SCOPE.long) {
        Some("lan") => Scopes::LAN,
        Some("wan") => Scopes::WAN,
        _ => Scopes::OS,
    };
    search(global, name, scopes)
        .one_blocking()
        .map_err(|fault| not_found(global, name, &fault))
}

/// The failure with what may help: a name that is almost the same, or that no node runs.
fn not_found(global: &Global, name: &str, fault: &Fault) -> Failure {
    let mut failure = Failure::fault(&format!("cannot reach {name}"), fault);
    if fault.code() != Some(Code::NotFound) {
        return failure;
    }
    if matches!(connect(&global.dirs), Ok(None)) {
        let text = format!("; {}", no_node(&global.dirs).text);
        failure.text.push_str(&text);
        return failure;
    }
    let all = search(global, "*/*", Scopes::OS)
        .all_blocking()
        .unwrap_or_default();
    let names: Vec<String> = all.iter().map(name_of).collect();
    let text = match nearest(name, &mut names.iter().map(String::as_str)) {
        Some(meant) => format!("; did you mean {meant}?"),
        None => "; 'gshell list' shows what there is".to_owned(),
    };
    failure.text.push_str(&text);
    failure
}

/// Publisher and service as they are typed.
pub fn name_of(found: &Found) -> String {
    format!("{}/{}", found.publisher, found.service)
}

/// Connects to a service that was found.
pub fn connect_to(found: &Found) -> Result<Client, Fault> {
    found.address.connect_blocking(Some(Instant::now() + EACH))
}

/// Asks a service one of the messages that every service answers.
pub fn ask<Q: Message, R: Message>(client: &mut Client, name: &str, request: &Q) -> Result<R, Failure> {
    client.call(request, Some(EACH)).map_err(|fault| {
        let what = format!("{name} does not answer {}", Q::NAME);
        Failure::fault(&what, &fault)
    })
}

/// The type that `name` means, with a suggestion when there is none.
pub fn find_type<'a>(known: &'a Known, name: &str) -> Result<Vec<&'a Type>, Failure> {
    let found: Vec<&Type> = known.all().filter(|ty| ty.name == name).collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let mut text = format!("{} handles no {name}", known.name);
    if let Some(meant) = nearest(name, &mut known.all().map(|ty| ty.name.as_str())) {
        text.push_str(&format!("; did you mean {meant}?"));
    }
    let names: Vec<&str> = known.types.iter().map(|ty| ty.name.as_str()).collect();
    let more = if names.len() > SHOWN { ", ..." } else { "" };
    text.push_str(&match names.is_empty() {
        true => " It handles nothing but what every service does".to_owned(),
        false => format!(
            " It handles: {}{more}",
            names[..names.len().min(SHOWN)].join(", ")
        ),
    });
    Err(Failure::new(Status::NotFound, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_patterns() {
        assert_eq!(check("gshell/daemon"), Ok(()));
        for bad in ["daemon", "a/b/c", "a_b/c", "/", "a/", "*/b", ""] {
            assert!(check(bad).is_err(), "{bad}");
        }
        for good in ["*", "*/*", "gshell/*", "a/grg-*-1", "a/b"] {
            assert_eq!(check_pattern(good), Ok(()), "{good}");
        }
        assert!(check_pattern("gshell").is_err() && check_pattern("a b/*").is_err());
        assert_eq!(split("*"), ("*", "*"));
    }
}
