//! The node that a program belongs to: where the sockets of its services are.

use std::path::{Path, PathBuf};

use gshell_net::dirs::Dirs;
use gshell_wire::{Code, Fault};

/// What a provider is called that has no ID.
pub const UNKNOWN_ID: &str = "NA";

/// A node: the services of one runtime dir.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its runtime dir; the sockets are in `svc/` below it.
    pub run_dir: PathBuf,
    /// Its provider ID, [`UNKNOWN_ID`] when it has none yet.
    pub id: String,
}

impl Node {
    /// The node of this user, as the command line finds it: `GSHELL_RUN_DIR` and `GSHELL_STATE_DIR`, else the defaults.
    ///
    /// # Errors
    /// `Denied` when a default runtime dir could have been made by somebody else.
    pub fn from_env() -> Result<Node, Fault> {
        let dirs = Dirs::find(None, None)
            .map_err(|error| Fault::new(Code::Storage, "cannot find the runtime dir").with_cause(error))?;
        dirs.check_run().map_err(|text| Fault::new(Code::Denied, text))?;
        Ok(Node::of(&dirs))
    }

    /// The node of these folders.
    pub fn of(dirs: &Dirs) -> Node {
        Node {
            run_dir: dirs.run.clone(),
            id: dirs.node_id().unwrap_or_else(|| UNKNOWN_ID.to_owned()),
        }
    }

    /// The node whose runtime dir is `run_dir`, without an ID.
    pub fn at(run_dir: impl AsRef<Path>) -> Node {
        Node {
            run_dir: run_dir.as_ref().to_owned(),
            id: UNKNOWN_ID.to_owned(),
        }
    }
}
