//! Plugins: what a group has opened, and what the node knows of them.

use gshell_wire::{Message, Schema};
use serde::{Deserialize, Serialize};

/// Ask a group for its plugins. Answered by [`GroupPluginList`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.GroupPlugins")]
pub struct GroupPlugins {}

/// A plugin that a group's process has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct OpenedPlugin {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it was built by, for people.
    pub built_by: String,
    /// One line about it.
    pub summary: String,
    /// The file that it was loaded from; `None` when it is linked into the program.
    pub path: Option<String>,
}

/// A plugin that was asked for in a group's process and refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct RefusedPlugin {
    /// The name that was asked for.
    pub name: String,
    /// Its file; `None` when it is linked into the program.
    pub path: Option<String>,
    /// Why, in one line.
    pub reason: String,
}

/// The plugins of a group's process.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.GroupPluginList")]
pub struct GroupPluginList {
    /// Those that something in it asked for and got.
    pub opened: Vec<OpenedPlugin>,
    /// Those that something asked for in vain.
    pub refused: Vec<RefusedPlugin>,
}

/// Ask the daemon for what it knows of plugins. Answered by [`NodePlugins`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.Plugins")]
pub struct Plugins {
    /// Ask the groups, too.
    pub groups: bool,
}

/// The plugins of one group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct PluginsOfGroup {
    /// Full name of the group.
    pub group: String,
    /// As in [`GroupPluginList`].
    pub opened: Vec<OpenedPlugin>,
    /// As in [`GroupPluginList`].
    pub refused: Vec<RefusedPlugin>,
    /// Why it is not known; `None` when it is.
    pub error: Option<String>,
}

/// What is known of a plugin's file that ended its group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct CrashedPlugin {
    /// The plugin.
    pub name: String,
    /// Bytes of its file.
    pub size: u64,
    /// CRC-32 of its file's content.
    pub sum: u32,
    /// Times that it ended its group.
    pub crashes: u32,
    /// Whether it is left out.
    pub left_out: bool,
    /// How it did so the last time, such as `crashed (SIGABRT) in echo.abort`.
    pub last: String,
    /// When, in milliseconds since 1970.
    pub last_ms: i64,
}

/// What the node knows of plugins.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.NodePlugins")]
pub struct NodePlugins {
    /// Whether this build can load files.
    pub can_load: bool,
    /// Names of the plugins that are linked in.
    pub built_in: Vec<String>,
    /// Folders of files, the first first.
    pub folders: Vec<String>,
    /// Groups that have a process, if they were asked for.
    pub groups: Vec<PluginsOfGroup>,
    /// Files that ended their groups.
    pub crashed: Vec<CrashedPlugin>,
}

/// Forget that a plugin ended its groups, so that it is let in again. Answered by [`PluginReleased`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.ReleasePlugin")]
pub struct ReleasePlugin {
    /// Its name.
    pub name: String,
}

/// It is forgotten.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.PluginReleased")]
pub struct PluginReleased {
    /// Whether it had been left out.
    pub was_left_out: bool,
    /// Whether anything was known of it.
    pub was_known: bool,
}
