//! Plugins, as far as they are the daemon's: it opens none, and counts those that end their groups.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use gshell_control::messages::plugins::{
    CrashedPlugin, GroupPluginList, GroupPlugins, NodePlugins, PluginReleased, Plugins, PluginsOfGroup,
    ReleasePlugin,
};
use gshell_group::note;
use gshell_group::store::{change_quarantine, quarantine_path, read_quarantine};
use gshell_plugin_host::CAN_LOAD;
use gshell_plugin_host::quarantine::{Entry, THRESHOLD};
use gshell_service::rt;
use gshell_sys::clock;
use gshell_sys::note::Note;
use gshell_wire::{Code, Fault};

use super::Node;
use super::group::Group;
use crate::builtin;

/// Time for a group to tell its plugins.
const ANSWER: Duration = Duration::from_secs(2);

impl Node {
    fn quarantine(&self) -> PathBuf {
        quarantine_path(&self.run_dir, self.state_dir().as_deref())
    }

    /// What a plugin did to the group's process that has just gone; `None` when it was none, or was told: whoever reaped the
    /// process and whoever found it gone may both come.
    pub fn plugin_deed(&self, group: &Group, pid: i32) -> Option<String> {
        if group.pid() != Some(pid) {
            return None;
        }
        group.ran_ms.set(group.stage().ran_ms(clock::monotonic_ms()));
        let note = note::peek(&note::path(&self.run_dir, &group.name.to_string()))?;
        let text = note::group_text(&note)?;
        self.log.warn(&format!("group {}: {text}", group.name));
        Some(text)
    }

    /// Takes what the group's process before left, for the next one; counts what a plugin did.
    pub fn take_note(&self, group: &Group) -> Option<Note> {
        let note = note::take(&note::path(&self.run_dir, &group.name.to_string()))?;
        if let (Some((name, Some(identity))), Some(deed)) = (note::plugin(&note), note::deed(&note)) {
            let mut reports = Vec::new();
            let ran = Duration::from_millis(group.ran_ms.get());
            let counted = change_quarantine(&self.quarantine(), &mut reports, |known| {
                known.count(name, identity, ran, &deed, clock::wall_ms())
            });
            reports.into_iter().for_each(|text| self.report(text));
            match counted {
                Ok(THRESHOLD..) => self.report(format!(
                    "plugin {name} is left out: it ended its group {THRESHOLD} times, the last time it {deed}; 'gshell plugin \
                     release {name}' lets it in again"
                )),
                Ok(_) => {}
                Err(error) => self.report(format!("plugin {name} {deed}, which is not counted: {error}")),
            }
        }
        Some(note)
    }

    /// Reports about a plugin that is let in again are void.
    fn forget_reports(&self, name: &str) {
        let begin = format!("plugin {name} is left out");
        self.reports.borrow_mut().retain(|text| !text.starts_with(&begin));
    }
}

/// Tells what is known of plugins.
pub async fn plugins(node: Rc<Node>, request: Plugins) -> Result<NodePlugins, Fault> {
    node.settled().await;
    let groups: Vec<_> = match request.groups {
        true => node.groups.borrow().values().cloned().collect(),
        false => Vec::new(),
    };
    // All at once: a group that does not answer holds up the others no longer than itself.
    let asked: Vec<_> = groups
        .into_iter()
        .filter_map(|group| Some((group.name.to_string(), group.link()?)))
        .map(|(name, link)| {
            rt::join(async move {
                let answer = rt::timeout(ANSWER, link.call::<_, GroupPluginList>(GroupPlugins {})).await;
                of_group(name, answer)
            })
        })
        .collect();
    let mut groups = Vec::new();
    for task in asked {
        groups.push(task.await);
    }
    let known = read_quarantine(&node.quarantine());
    Ok(NodePlugins {
        can_load: CAN_LOAD,
        built_in: builtin::NAMES.iter().map(|name| (*name).to_owned()).collect(),
        folders: node
            .plugin_dirs
            .iter()
            .map(|folder| folder.to_string_lossy().into_owned())
            .collect(),
        groups,
        crashed: known.entries.iter().map(crashed).collect(),
    })
}

fn of_group(group: String, answer: Option<Result<GroupPluginList, Fault>>) -> PluginsOfGroup {
    let mut told = PluginsOfGroup {
        group,
        ..PluginsOfGroup::default()
    };
    match answer {
        Some(Ok(list)) => (told.opened, told.refused) = (list.opened, list.refused),
        Some(Err(fault)) => told.error = Some(fault.to_string()),
        None => told.error = Some("it does not answer".to_owned()),
    }
    told
}

fn crashed(entry: &Entry) -> CrashedPlugin {
    CrashedPlugin {
        name: entry.name.clone(),
        size: entry.identity.size,
        sum: entry.identity.sum,
        crashes: entry.crashes,
        left_out: entry.is_left_out(),
        last: entry.last.clone(),
        last_ms: entry.last_ms,
    }
}

/// Lets a plugin in again.
pub fn release(node: &Node, request: &ReleasePlugin) -> Result<PluginReleased, Fault> {
    let mut reports = Vec::new();
    let released = change_quarantine(&node.quarantine(), &mut reports, |known| {
        let was_left_out = known.is_left_out(&request.name);
        PluginReleased {
            was_left_out,
            was_known: known.release(&request.name),
        }
    });
    reports.into_iter().for_each(|text| node.report(text));
    let released = released.map_err(|error| {
        let text = format!("cannot note that plugin {} is let in again", request.name);
        Fault::new(Code::Storage, text).with_cause(error.to_string())
    })?;
    node.forget_reports(&request.name);
    if released.was_known {
        node.log.info(&format!("plugin {} is let in again", request.name));
    }
    Ok(released)
}
