//! Opens one file outside of all folders, for whoever wants to see what is in it.

use std::path::Path;

use crate::file::{fits, inspect};
use crate::opening::{self, CAN_LOAD};
use crate::{Plugin, Refused};

/// Opens the plugin of this file, whatever the folders and the quarantine say. Runs its code: a process that does so for a
/// file that nobody has tried yet should have nothing else to do.
///
/// # Errors
/// When it is not for this program, or the loader or the check of its descriptor refuses it.
pub fn open(path: &Path) -> Result<&'static Plugin, Refused> {
    // A name without a slash is a library of the system for the loader.
    let path = &std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut refused = Refused {
        name: String::new(),
        origin: Some(path.clone()),
        reason: String::new(),
    };
    let opened = inspect(path).and_then(|facts| fits(&facts).map(|()| facts));
    let opened = opened.map_err(|refusal| refusal.to_string()).and_then(|facts| {
        refused.name.clone_from(&facts.name);
        match CAN_LOAD {
            true => opening::file(path, &facts.name, opening::identity(path)?, 0),
            false => Err("this gshell is linked statically and cannot load files".to_owned()),
        }
    });
    opened.map_err(|reason| Refused { reason, ..refused })
}
