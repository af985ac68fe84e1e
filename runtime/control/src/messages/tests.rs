//! Every message has a name and a key of its own, and survives the wire.

use std::collections::BTreeMap;

use gshell_wire::{Bytes, Message, check_name, decode, encode};

use super::{attach, daemon, groups, log, node, plugins};
use crate::{Exit, GroupSpec, Job, Kind, Package, PackageFile, Restart};

macro_rules! all {
    ($($type:ty,)+) => { [$((<$type as Message>::NAME, <$type as Message>::KEY)),+] };
}

#[test]
fn names_and_keys_are_unique() {
    let all = all![
        attach::Attach,
        attach::AttachedState,
        attach::Output,
        attach::Finished,
        attach::Left,
        attach::Input,
        attach::InputEnd,
        attach::Resize,
        attach::Interrupt,
        daemon::Run,
        daemon::Started,
        daemon::Ps,
        daemon::Jobs,
        daemon::Act,
        daemon::Acted,
        daemon::KillGroups,
        daemon::GroupsKilled,
        daemon::Groups,
        daemon::GroupList,
        daemon::Locate,
        daemon::Located,
        groups::Hello,
        groups::Welcome,
        groups::Launch,
        groups::Launched,
        groups::Watch,
        groups::Changed,
        groups::Removed,
        groups::Synced,
        groups::Command,
        groups::Commanded,
        groups::GroupShutdown,
        groups::GroupEnding,
        groups::GroupStats,
        groups::GroupFigures,
        log::LogQuery,
        log::Chunk,
        log::Lost,
        log::End,
        log::Redirect,
        plugins::GroupPlugins,
        plugins::GroupPluginList,
        plugins::Plugins,
        plugins::NodePlugins,
        plugins::ReleasePlugin,
        plugins::PluginReleased,
        node::List,
        node::Services,
        node::Info,
        node::NodeInfo,
        node::Build,
        node::BuildInfo,
        node::Id,
        node::NodeId,
        node::Shutdown,
        node::ShuttingDown,
    ];
    let mut names = BTreeMap::new();
    let mut keys = BTreeMap::new();
    for (name, key) in all {
        assert!(name.starts_with("gshell.") && check_name(name).is_ok(), "{name}");
        assert_eq!(names.insert(name, key), None, "{name} occurs twice");
        assert_eq!(keys.insert(key, name), None, "the key of {name} occurs twice");
    }
    // As many as there are declarations: a new message has to be in the list.
    let sources = [
        include_str!("attach.rs"),
        include_str!("daemon.rs"),
        include_str!("groups.rs"),
        include_str!("log.rs"),
        include_str!("node.rs"),
        include_str!("plugins.rs"),
    ];
    let declared: usize = sources
        .iter()
        .map(|source| source.matches("#[message(name").count())
        .sum();
    assert_eq!(names.len(), declared);
}

fn round_trip<T: Message + PartialEq + std::fmt::Debug>(message: &T) {
    let mut bytes = Vec::new();
    encode(message, &mut bytes).unwrap();
    assert_eq!(&decode::<T>(&bytes).unwrap(), message);
}

#[test]
fn messages_survive_the_wire() {
    let file = PackageFile {
        path: "main.lua".to_owned(),
        data: Bytes::from(vec![0, 255]),
    };
    round_trip(&daemon::Run {
        group: Some("web".to_owned()),
        spec: GroupSpec {
            nice: -5,
            cpus: vec![3],
            ..GroupSpec::default()
        },
        package: Package {
            files: vec![file],
            main: "main.lua".to_owned(),
            elf: false,
        },
        name: "main.lua".to_owned(),
        args: vec![String::new(), "ä".to_owned()],
        restart: Restart::Times(3),
        auto_remove: true,
        memory: u64::MAX,
        interactive: false,
        rows: 24,
        cols: 80,
    });
    let mut job = Job {
        id: "00aa11bb22cc".to_owned(),
        kind: Kind::Elf,
        ..Job::default()
    };
    job.ended(-1, 2, Exit::Oom, "tail".to_owned());
    round_trip(&daemon::Jobs {
        jobs: vec![job.clone(), Job::default()],
    });
    round_trip(&groups::Changed { job });
    let action = groups::EnvAction::Stop { grace_ms: 5000 };
    round_trip(&groups::Command {
        id: "00aa11bb22cc".to_owned(),
        action,
    });
    round_trip(&node::NodeInfo {
        started_ms: -1,
        volatile: Some("full".to_owned()),
        ..node::NodeInfo::default()
    });
    round_trip(&attach::Output {
        stream: attach::STDERR,
        bytes: Bytes::from(vec![1; 300]),
    });
    round_trip(&log::End {});
}
