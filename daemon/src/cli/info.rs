//! `gshell info`: the node, its groups, and what is wrong with either.

use gshell_control::GroupInfo;
use gshell_control::messages::daemon::{GroupList, Groups};
use gshell_control::messages::node::{Build, BuildInfo, Info, NodeInfo};
use gshell_control::messages::plugins::{NodePlugins, Plugins};
use gshell_wire::{Code, Message};
use serde::Serialize;

use super::args::{Command, Matches};
use super::failure::{Failure, Outcome};
use super::link::{Absent, Global, Link, QUICK};
use super::{output, time};
use crate::VERSION;
use crate::exit_codes::Status;

/// The node as JSON.
#[derive(Debug, Serialize)]
struct Report<'a> {
    version: &'a str,
    /// Another one than the node's after an update.
    cli_version: &'static str,
    id: &'a str,
    pid: i32,
    started_at: Option<String>,
    target: &'a str,
    /// Null when the node is older than the question.
    flavour: Option<&'a str>,
    /// Null likewise.
    libc: Option<&'a str>,
    features: &'a [String],
    /// Null likewise.
    plugins: Option<PluginReport<'a>>,
    run_dir: &'a str,
    state_dir: &'a str,
    environments: u32,
    groups: Vec<Group<'a>>,
    volatile: Option<&'a str>,
    reports: &'a [String],
}

/// Where plugins come from; `gshell plugin list` tells which there are.
#[derive(Debug, Serialize)]
struct PluginReport<'a> {
    /// False in a build that is linked statically.
    can_load: bool,
    built_in: &'a [String],
    folders: &'a [String],
    left_out: Vec<&'a str>,
}

#[derive(Debug, Serialize)]
struct Group<'a> {
    name: &'a str,
    state: &'static str,
    pid: Option<i32>,
    environments: u32,
    threads: u16,
    restarts: u32,
    last_exit: Option<&'a str>,
    warnings: &'a [String],
}

/// `gshell info`.
pub const COMMAND: Command = Command {
    examples: &["gshell info", "gshell info --json"],
    ..Command::new(
        "info",
        "Show this node: version, folders, groups, and what is wrong with it",
        run,
    )
};

/// Prints the node and its groups.
fn run(global: &Global, _: &Matches) -> Outcome {
    let mut link = Link::open(global, Absent::Start)?;
    let info: NodeInfo = link.call("cannot ask for the node's state", &Info {}, QUICK)?;
    let build: Option<BuildInfo> = newer(&mut link, "cannot ask for the node's program", &Build {})?;
    let plugins = Plugins { groups: false };
    let plugins: Option<NodePlugins> = newer(&mut link, "cannot ask for the node's plugins", &plugins)?;
    let GroupList { groups } = link.call("cannot list groups", &Groups {}, QUICK)?;
    match global.json {
        true => output::json(&report(&info, build.as_ref(), plugins.as_ref(), &groups))?,
        false => drop(output::print(&text(
            &info,
            build.as_ref(),
            plugins.as_ref(),
            &groups,
        ))?),
    }
    Ok(Status::Ok)
}

/// Asks what an older node does not know: then there is no answer.
fn newer<Q: Message, A: Message>(link: &mut Link, what: &str, question: &Q) -> Result<Option<A>, Failure> {
    match link.client().call(question, Some(QUICK)) {
        Ok(answer) => Ok(Some(answer)),
        Err(fault) if fault.code() == Some(Code::UnknownMessage) => Ok(None),
        Err(fault) => Err(Failure::fault(what, &fault)),
    }
}

fn report<'a>(
    info: &'a NodeInfo,
    build: Option<&'a BuildInfo>,
    plugins: Option<&'a NodePlugins>,
    groups: &'a [GroupInfo],
) -> Report<'a> {
    Report {
        version: &info.version,
        cli_version: VERSION,
        id: &info.provider,
        pid: info.pid,
        started_at: time::rfc3339(info.started_ms),
        target: &info.target,
        flavour: build.map(|build| build.flavour.as_str()),
        libc: build.map(|build| build.libc.as_str()),
        features: &info.features,
        plugins: plugins.map(PluginReport::of),
        run_dir: &info.run_dir,
        state_dir: &info.state_dir,
        environments: info.environments,
        groups: groups.iter().map(Group::of).collect(),
        volatile: info.volatile.as_deref(),
        reports: &info.reports,
    }
}

impl<'a> PluginReport<'a> {
    fn of(plugins: &'a NodePlugins) -> Self {
        let left_out = plugins.crashed.iter().filter(|plugin| plugin.left_out);
        Self {
            can_load: plugins.can_load,
            built_in: &plugins.built_in,
            folders: &plugins.folders,
            left_out: left_out.map(|plugin| plugin.name.as_str()).collect(),
        }
    }

    /// The lines of the table: name and value.
    fn lines(&self) -> Vec<(&'static str, String)> {
        let built_in = match self.built_in {
            [] => "none built in".to_owned(),
            names => format!("built in: {}", names.join(" ")),
        };
        let files = match self.can_load {
            true => format!("files from {}", self.folders.join(":")),
            false => "no files, as this build is linked statically".to_owned(),
        };
        let mut lines = vec![("Plugins", format!("{built_in}; {files}"))];
        if !self.left_out.is_empty() {
            lines.push(("  left out", self.left_out.join(" ")));
        }
        lines
    }
}

impl<'a> Group<'a> {
    fn of(group: &'a GroupInfo) -> Self {
        Self {
            name: &group.name,
            state: group.state.as_str(),
            pid: (group.pid > 0).then_some(group.pid),
            environments: group.environments,
            threads: group.threads,
            restarts: group.restarts,
            last_exit: group.last_exit.as_deref(),
            warnings: &group.warnings,
        }
    }
}

fn text(
    info: &NodeInfo,
    build: Option<&BuildInfo>,
    plugins: Option<&NodePlugins>,
    groups: &[GroupInfo],
) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| text.push_str(&format!("{name:<13}: {value}\n"));
    line("Version", &info.version);
    if info.version != VERSION {
        line("Command line", VERSION);
    }
    if let Some(build) = build {
        line("Flavour", &build.flavour);
    }
    line("Target", &info.target);
    if let Some(build) = build {
        line("Libc", &build.libc);
    }
    line(
        "Features",
        if info.features.is_empty() {
            "-".to_owned()
        } else {
            info.features.join(" ")
        }
        .as_str(),
    );
    let lines = plugins.map(PluginReport::of).map(|plugins| plugins.lines());
    lines.iter().flatten().for_each(|(name, value)| line(name, value));
    line("Node ID", &info.provider);
    line("Process", &info.pid.to_string());
    line("Started", &format!("{} UTC", time::table(info.started_ms)));
    line("Run dir", &info.run_dir);
    line("State dir", &info.state_dir);
    line("Environments", &info.environments.to_string());
    line("Groups", &groups.len().to_string());
    for group in groups {
        line("", &group_line(group));
        group
            .warnings
            .iter()
            .for_each(|warning| line("  warning", warning));
    }
    if let Some(why) = &info.volatile {
        line("Not saved", why);
    }
    info.reports.iter().for_each(|report| line("Report", report));
    text
}

fn group_line(group: &GroupInfo) -> String {
    let mut text = format!(
        "{} {}, {} environments",
        group.name, group.state, group.environments
    );
    if group.pid > 0 {
        text.push_str(&format!(", process {} with {} threads", group.pid, group.threads));
    }
    if group.restarts > 0 {
        text.push_str(&format!(", restarted {} times", group.restarts));
    }
    if let Some(exit) = &group.last_exit {
        text.push_str(&format!(", last end: {exit}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use gshell_control::GroupState;
    use gshell_control::messages::plugins::CrashedPlugin;

    #[test]
    fn what_is_wrong_is_shown() {
        let info = NodeInfo {
            version: VERSION.into(),
            provider: "0123456789ab".into(),
            started_ms: 1_136_214_245_000,
            volatile: Some("the state dir is read-only".into()),
            reports: vec!["web-0.1.0/x.job was set aside".into()],
            ..NodeInfo::default()
        };
        let group = GroupInfo {
            name: "web-0.1.0".into(),
            state: GroupState::Running,
            pid: 9,
            threads: 2,
            environments: 3,
            restarts: 1,
            last_exit: Some("signal 9".into()),
            warnings: vec!["no real-time priority".into()],
        };
        let groups = [group];
        let build = BuildInfo {
            flavour: "lean".into(),
            libc: "musl static".into(),
        };
        let crashed = |name: &str, left_out| CrashedPlugin {
            name: name.into(),
            left_out,
            ..CrashedPlugin::default()
        };
        let plugins = NodePlugins {
            can_load: true,
            folders: vec!["/a".into(), "/b".into()],
            crashed: vec![crashed("echo", true), crashed("hash", false)],
            ..NodePlugins::default()
        };
        let text = text(&info, Some(&build), Some(&plugins), &groups);
        for want in [
            "Flavour      : lean\n",
            "Libc         : musl static\n",
            "Plugins      : none built in; files from /a:/b\n",
            "  left out   : echo\n",
            "Node ID      : 0123456789ab\n",
            "Started      : 2006/01/02 15:04:05 UTC\n",
            ": web-0.1.0 running, 3 environments, process 9 with 2 threads, restarted 1 times, last end: signal 9\n",
            "  warning    : no real-time priority\n",
            "Not saved    : the state dir is read-only\n",
            "Report       : web-0.1.0/x.job was set aside\n",
        ] {
            assert!(text.contains(want), "{text}");
        }
        let json = serde_json::to_value(report(&info, Some(&build), None, &groups)).unwrap();
        assert_eq!(
            (&json["id"], &json["groups"][0]["restarts"]),
            (&"0123456789ab".into(), &1.into())
        );
        let built_in = ["echo".to_owned()];
        let fixed = PluginReport {
            can_load: false,
            built_in: &built_in,
            folders: &[],
            left_out: Vec::new(),
        };
        assert_eq!(
            fixed.lines(),
            [(
                "Plugins",
                "built in: echo; no files, as this build is linked statically".to_owned()
            )]
        );
    }
}
