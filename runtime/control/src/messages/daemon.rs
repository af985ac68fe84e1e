//! Service `gshell/daemon`: environments and groups, as the command line asks for them.

use gshell_wire::{Message, Schema};
use serde::{Deserialize, Serialize};

use crate::state::words;
use crate::{GroupInfo, GroupSpec, Job, Package, Restart};

/// Run a package in a new environment. Answered by [`Started`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.Run")]
pub struct Run {
    /// Name of the group, without version; `None` makes one up.
    pub group: Option<String>,
    /// What a new group is made from; its name and version are filled in by the daemon. For a group that exists
    /// already only a difference matters, and is answered by a warning.
    pub spec: GroupSpec,
    /// The code.
    pub package: Package,
    /// Name that the environment is listed by.
    pub name: String,
    /// Arguments, without the program.
    pub args: Vec<String>,
    /// Restart policy.
    pub restart: Restart,
    /// Remove it as soon as it has exited for good.
    pub auto_remove: bool,
    /// Memory limit in bytes; 0 is the group's default.
    pub memory: u64,
    /// The caller is going to attach: the environment starts when it has.
    pub interactive: bool,
    /// Rows of the caller's terminal; 0 when there is none.
    pub rows: u16,
    /// Columns of the caller's terminal; 0 when there is none.
    pub cols: u16,
}

/// The environment exists and its group knows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.Started")]
pub struct Started {
    /// Its ID.
    pub id: String,
    /// Full name of its group.
    pub group: String,
    /// Path of the group's socket, for attaching.
    pub socket: String,
    /// What could not be done as asked.
    pub warnings: Vec<String>,
}

/// List environments. Answered by [`Jobs`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.Ps")]
pub struct Ps {
    /// IDs or names, with `*` as wildcard; empty is all.
    pub patterns: Vec<String>,
    /// Only those of this group, by name or full name.
    pub group: Option<String>,
}

/// Environments, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.Jobs")]
pub struct Jobs {
    /// The environments.
    pub jobs: Vec<Job>,
}

/// What can be done to environments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub enum Action {
    /// Ask it to end, and end it after the grace period.
    Stop,
    /// Start one that has exited, with the same ID and policy.
    Start,
    /// Stop it and start it.
    Restart,
    /// Forget one that has exited: its record and its log.
    Remove,
    /// End it now, without grace.
    Kill,
}

words!(Action, "action",
    Stop => "stop", Start => "start", Restart => "restart", Remove => "rm", Kill => "kill");

/// Do something to every environment that a pattern matches. Answered by [`Acted`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.Act")]
pub struct Act {
    /// What to do.
    pub action: Action,
    /// IDs or names, with `*` as wildcard.
    pub patterns: Vec<String>,
    /// Only those of this group, by name or full name.
    pub group: Option<String>,
    /// Where the action would be refused because the environment runs, end it first.
    pub force: bool,
}

/// An environment to which something was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Done {
    /// Its ID.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Full name of its group.
    pub group: String,
    /// What was done, for people, such as `stopped`.
    pub outcome: String,
}

/// An environment or group to which nothing was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Refused {
    /// Its ID; a group's full name.
    pub id: String,
    /// Its name; a group's name.
    pub name: String,
    /// Why.
    pub reason: String,
    /// Number of the error; as in a fault.
    pub code: u16,
}

/// What came of an [`Act`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.Acted")]
pub struct Acted {
    /// Where it was done.
    pub done: Vec<Done>,
    /// Where it was not, and why.
    pub refused: Vec<Refused>,
    /// Patterns that matched nothing.
    pub unmatched: Vec<String>,
}

/// End groups and forget their environments. Answered by [`GroupsKilled`]. When one is refused, none is touched.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.KillGroups")]
pub struct KillGroups {
    /// Names or full names, with `*` as wildcard.
    pub patterns: Vec<String>,
    /// Also groups in which environments run.
    pub force: bool,
}

/// What came of [`KillGroups`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.GroupsKilled")]
pub struct GroupsKilled {
    /// Full names of the groups that are gone.
    pub killed: Vec<String>,
    /// Groups that were left alone, and why.
    pub refused: Vec<Refused>,
    /// Patterns that matched nothing.
    pub unmatched: Vec<String>,
}

/// List groups. Answered by [`GroupList`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.Groups")]
pub struct Groups {}

/// All groups, sorted by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.GroupList")]
pub struct GroupList {
    /// The groups.
    pub groups: Vec<GroupInfo>,
}

/// Find one environment by ID or name. Answered by [`Located`], or by an error when none or several match.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.Locate")]
pub struct Locate {
    /// ID or name, without wildcard; an ID goes first.
    pub target: String,
}

/// One environment and where to attach to it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.Located")]
pub struct Located {
    /// The environment.
    pub job: Job,
    /// Path of its group's socket; `None` while the group has no process.
    pub socket: Option<String>,
}
