//! `gshell __complete`: what the last of some words can be completed to, for the completion scripts of shells.
//!
//! A line for each candidate: the word, a tab, what it is. The lines `:files` and `:folders` ask the shell for its own.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gshell_control::messages::daemon::{GroupList, Groups, Jobs, Ps};
use gshell_control::names::{DAEMON_SERVICE, PUBLISHER};
use gshell_plugin_host::folders::walk;
use gshell_service::blocking::Client;
use gshell_service::builtin::messages::{Describe, Description};
use gshell_service::dirs::Dirs;
use gshell_service::unix;
use gshell_small::Set;
use gshell_wire::Message;

use crate::cli::args::{Matches, Values, options};
use crate::cli::failure::Outcome;
use crate::cli::{PROGRAM, SELF, global, link, output, values};
use crate::exit_codes::Status;

/// Time that the node has; whoever presses the tab key does not wait for one that hangs.
const SOON: Duration = Duration::from_millis(300);

/// Prints the candidates for the last of `words`. There is nobody to whom an error would be of use.
pub fn run(words: Vec<OsString>) -> Outcome {
    let words: Option<Vec<String>> = words.into_iter().map(|word| word.into_string().ok()).collect();
    output::print(&candidates(words.unwrap_or_default(), &Node::find))?;
    Ok(Status::Ok)
}

/// What can be asked about what runs.
#[derive(Default)]
struct Node {
    groups: GroupList,
    jobs: Jobs,
    /// Publisher and service.
    services: Vec<String>,
    /// Names of message types, and what they are for.
    types: Vec<(String, String)>,
    /// Names of plugins in the folders, and what they are.
    plugins: Vec<(String, String)>,
}

impl Node {
    /// What the one that the options mean says about such values; empty when there is none.
    fn find(matches: &Matches, values: Values) -> Self {
        Self::ask(matches, values).unwrap_or_default()
    }

    fn ask(matches: &Matches, values: Values) -> Option<Self> {
        if matches!(values, Values::Plugin) {
            return Some(Self {
                plugins: plugins(matches)?,
                ..Self::default()
            });
        }
        let folder = |long| matches.raw(long).map(Path::new);
        let dirs = Dirs::find(folder("run-dir"), folder("state-dir")).ok()?;
        dirs.check_run().ok()?;
        if matches.text("provider") != Some(SELF) {
            return None;
        }
        match values {
            Values::Service => {
                let services = published(&dirs).into_iter().map(|(name, _)| name).collect();
                return Some(Self {
                    services,
                    ..Self::default()
                });
            }
            Values::Message => {
                let first = matches.texts(0).into_iter().next();
                let types = types(&dirs, first.filter(|word| word.contains('/')).as_deref());
                return Some(Self {
                    types,
                    ..Self::default()
                });
            }
            _ => {}
        }
        let mut client = open(&unix::socket_path(&dirs.run, PUBLISHER, DAEMON_SERVICE))?;
        Some(Self {
            groups: call(&mut client, &Groups {})?,
            jobs: call(&mut client, &Ps::default())?,
            ..Self::default()
        })
    }
}

/// The plugins of the folders that the options mean.
fn plugins(matches: &Matches) -> Option<Vec<(String, String)>> {
    let listing = walk(&global(matches).ok()?.plugin_folders());
    let facts = listing.found.into_iter().filter_map(|found| found.facts.ok());
    let named = facts.map(|facts| (facts.name, format!("{} for {}", facts.version, facts.machine)));
    Some(named.collect())
}

/// The services of a node, and their sockets.
fn published(dirs: &Dirs) -> Vec<(String, PathBuf)> {
    let all = unix::published(&dirs.run).into_iter();
    all.map(|(publisher, service, path)| (format!("{publisher}/{service}"), path))
        .collect()
}

/// The message types of the service that is named, or of all.
fn types(dirs: &Dirs, service: Option<&str>) -> Vec<(String, String)> {
    let mut types = Vec::new();
    for (name, path) in published(dirs) {
        if service.is_none_or(|service| service == name) {
            let described = open(&path).and_then(|mut client| call(&mut client, &Describe {}));
            let described = described.map_or_else(Vec::new, |known: Description| known.messages);
            for message in described {
                let ty = (message.name, message.help);
                if let Err(at) = types.binary_search(&ty) {
                    types.insert(at, ty);
                }
            }
        }
    }
    types
}

fn open(path: &Path) -> Option<Client> {
    let socket = unix::connect(path).ok()?;
    link::greet(Client::over(socket).ok()?, "", SOON).ok()
}

fn call<Q: Message, R: Message>(client: &mut Client, request: &Q) -> Option<R> {
    client.call(request, Some(SOON)).ok()
}

/// Candidates that begin as the last word does.
struct Found {
    current: String,
    /// What is in front of the candidates in the same word: `--option=`.
    joined: String,
    text: String,
}

impl Found {
    fn add(&mut self, word: &str, about: &str) {
        // What a shell would have to quote is not worth the trouble that four shells make of it.
        let plain = |c: char| c.is_alphanumeric() || "-_.+@%,/".contains(c);
        if word.starts_with(&self.current) && word.chars().all(plain) {
            let about: String = about
                .chars()
                .map(|c| if c.is_control() { '?' } else { c })
                .collect();
            self.text.push_str(&format!("{}{word}\t{about}\n", self.joined));
        }
    }
}

fn candidates(words: Vec<String>, node: &dyn Fn(&Matches, Values) -> Node) -> String {
    let mut words = put_together(words);
    let current = words.pop().unwrap_or_default();
    let no_options = words.iter().any(|word| word == "--");
    let mut matches = Matches::new(&PROGRAM);
    // An error in front of the cursor leaves what was understood up to there, which is good enough.
    let _ = matches.read(words.into_iter().map(OsString::from).collect());
    let mut found = Found {
        current,
        joined: String::new(),
        text: String::new(),
    };
    if matches.at_rest() {
        // A script's arguments are texts, and files more often than anything else.
        add_values(&mut found, &matches, Values::File, node);
    } else if let Some(option) = matches.pending() {
        add_values(&mut found, &matches, option.values, node);
    } else if found.current.starts_with('-') && !no_options {
        add_options(&mut found, &matches, node);
    } else if !matches.command().commands.is_empty() {
        add_commands(&mut found, &matches);
    } else if let Some(slot) = matches.slot() {
        add_values(&mut found, &matches, slot.values, node);
    }
    found.text
}

/// Bash gives `--option=value` as three words.
fn put_together(words: Vec<String>) -> Vec<String> {
    let mut whole: Vec<String> = Vec::new();
    let last = words.len().saturating_sub(1);
    for (at, word) in words.into_iter().enumerate() {
        let assigns = word == "=" && whole.last().is_some_and(|option| option.starts_with("--"));
        match (assigns, at == last) {
            (false, _) => whole.push(word),
            (true, true) => whole.push(String::new()),
            (true, false) => {}
        }
    }
    whole
}

fn add_options(found: &mut Found, matches: &Matches, node: &dyn Fn(&Matches, Values) -> Node) {
    let mut all = options(matches.path());
    if let Some((name, value)) = found.current.split_once('=') {
        let option =
            all.find(|option| name.strip_prefix("--") == Some(option.long) && option.value.is_some());
        if let Some(option) = option {
            found.joined = format!("{name}=");
            found.current = value.to_owned();
            add_values(found, matches, option.values, node);
        }
        return;
    }
    for option in all.filter(|option| !option.hidden && !matches.flag(option.long)) {
        found.add(&format!("--{}", option.long), option.help);
    }
}

fn add_commands(found: &mut Found, matches: &Matches) {
    let commands = matches.command().commands.iter();
    for command in commands.filter(|command| !command.hidden) {
        found.add(command.name, command.about);
    }
}

fn add_values(found: &mut Found, matches: &Matches, values: Values, node: &dyn Fn(&Matches, Values) -> Node) {
    match values {
        Values::Any => {}
        Values::Words(words) => words.iter().for_each(|word| found.add(word, "")),
        Values::File => found.text.push_str(":files\n"),
        Values::Folder => found.text.push_str(":folders\n"),
        Values::Job => add_jobs(found, &node(matches, values)),
        Values::Group => add_groups(found, &node(matches, values)),
        Values::Log => {
            found.add(values::DAEMON, "the node itself");
            let node = node(matches, values);
            add_groups(found, &node);
            add_jobs(found, &node);
        }
        Values::Service => node(matches, values)
            .services
            .iter()
            .for_each(|name| found.add(name, "service")),
        Values::Message => node(matches, values)
            .types
            .iter()
            .for_each(|(name, help)| found.add(name, help)),
        Values::Plugin => node(matches, values)
            .plugins
            .iter()
            .for_each(|(name, about)| found.add(name, about)),
        Values::Command => add_commands(found, &Matches::new(&PROGRAM)),
    }
}

fn add_groups(found: &mut Found, node: &Node) {
    for group in &node.groups.groups {
        let name = group
            .name
            .split_once('-')
            .map_or(group.name.as_str(), |(name, _)| name);
        found.add(name, &format!("group, {} environments", group.environments));
    }
}

fn add_jobs(found: &mut Found, node: &Node) {
    let jobs = &node.jobs.jobs;
    for job in jobs {
        found.add(
            &job.id,
            &format!("{} in {}, {}", job.name, job.group, job.status()),
        );
    }
    let mut names = Set::new();
    names.extend(jobs.iter().map(|job| job.name.clone()));
    names.iter().for_each(|name| found.add(name, "environment"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use gshell_control::{GroupInfo, Job};

    fn complete(words: &[&str]) -> Vec<String> {
        let node = |_: &Matches, _: Values| {
            let job = |id: &str, name: &str| Job {
                id: id.into(),
                name: name.into(),
                group: "web-0.1.0".into(),
                ..Job::default()
            };
            let group = GroupInfo {
                name: "web-0.1.0".into(),
                ..GroupInfo::default()
            };
            Node {
                groups: GroupList { groups: vec![group] },
                jobs: Jobs {
                    jobs: vec![
                        job("00aa11bb22cc", "top"),
                        job("0f0011223344", "top"),
                        job("11", "a b;$(x)"),
                    ],
                },
                services: vec!["gshell/daemon".into(), "gshell/grg-web-0.1.0".into()],
                types: vec![("gshell.Ps".into(), "Lists.".into())],
                plugins: vec![("example.org/echo".into(), "1.2.3 for mips".into())],
            }
        };
        let text = candidates(words.iter().map(|word| (*word).to_owned()).collect(), &node);
        let word = |line: &str| line.split('\t').next().unwrap_or_default().to_owned();
        text.lines().map(word).collect()
    }

    #[test]
    fn commands_and_options() {
        assert_eq!(complete(&["re"]), ["restart"]);
        assert_eq!(complete(&["--json", "daemon", ""]), ["stop"]);
        assert_eq!(complete(&["help", "ru"]), ["run"]);
        assert!(complete(&[""]).len() > 15 && complete(&[]).len() > 15);
        assert_eq!(complete(&["stop", "--f"]), ["--force"]);
        assert!(
            !complete(&["daemon", "--"]).contains(&"--background".to_owned()),
            "it is hidden"
        );
        assert!(
            !complete(&["ps", "--json", "--"]).contains(&"--json".to_owned()),
            "it is there"
        );
        assert_eq!(complete(&["completions", ""]), ["bash", "fish", "zsh"]);
        assert_eq!(complete(&["nonsense", "--nonsense", "star"]), ["start"]);
    }

    #[test]
    fn values_of_options() {
        for words in [
            &["-l", "d"][..],
            &["--log-level", "d"],
            &["ps", "--log-level", "=", "d"],
        ] {
            assert_eq!(complete(words), ["debug"], "{words:?}");
        }
        assert_eq!(complete(&["ps", "--log-level=d"]), ["--log-level=debug"]);
        assert_eq!(complete(&["ps", "--group", "="]), ["web"]);
        assert_eq!(complete(&["--run-dir", ""]), [":folders"]);
        assert_eq!(complete(&["run", "--mem", ""]), [""; 0]);
    }

    #[test]
    fn what_runs() {
        assert_eq!(complete(&["stop", "0"]), ["00aa11bb22cc", "0f0011223344"]);
        assert_eq!(complete(&["attach", "t"]), ["top"]);
        assert_eq!(complete(&["kill", "-f", ""]), ["web"]);
        assert_eq!(
            complete(&["log", ""]),
            ["daemon", "web", "00aa11bb22cc", "0f0011223344", "11", "top"]
        );
        assert_eq!(complete(&["attach", "top", ""]), [""; 0], "it takes one");
    }

    #[test]
    fn services_and_their_messages() {
        assert_eq!(complete(&["stats", "gshell/d"]), ["gshell/daemon"]);
        assert_eq!(complete(&["call", "gshell/daemon", "gshell.P"]), ["gshell.Ps"]);
        assert_eq!(complete(&["call", "gshell/daemon", "gshell.Ps", ""]), [""; 0]);
        assert_eq!(complete(&["mtrace", "tag", ""]), ["gshell.Ps"]);
        assert_eq!(complete(&["plugin", "rm", "ex"]), ["example.org/echo"]);
        assert_eq!(complete(&["plugin", "pack", ""]), [":files"]);
    }

    #[test]
    fn scripts_and_their_arguments_are_files() {
        for words in [
            &["run", ""][..],
            &["run", "-g", "x", "a.lua", "-"],
            &["exec", "--", "-"],
        ] {
            assert_eq!(complete(words), [":files"], "{words:?}");
        }
    }
}
