//! The state folder as a whole: its version, its groups, and what a crash left behind in it.

use std::fs;
use std::io;
use std::path::Path;

use gshell_control::GroupName;
use gshell_small::Set;

use super::aside::Aside;
use super::error::StoreError;
use super::files;
use super::jobs::Store;

/// Version of the layout that is written here.
pub const LAYOUT_VERSION: u32 = 1;

/// What the folder of a group is renamed to start with when it is removed; no group's name holds it.
pub const GONE: &str = "~";

const FILE: &str = "layout";

/// Bytes of the file with the version: a number and a line end, with room for what went wrong.
const FILE_BYTES: u32 = 64;

/// Makes the folders that are missing, checks the layout's version and removes leftovers. Gives reports for people.
///
/// A layout that a newer gshell wrote is an error: nothing in it is touched. Only the daemon calls this.
pub fn open_layout(state_dir: &Path) -> Result<Vec<String>, StoreError> {
    files::make_dir(state_dir, 0o755)?;
    let mut reports = Vec::new();
    check_version(state_dir, &mut reports)?;
    for folder in ["groups", "packages"] {
        files::make_dir(&state_dir.join(folder), 0o755)?;
    }
    let groups = state_dir.join("groups");
    for name in files::names(&groups)?
        .iter()
        .filter(|name| name.starts_with(GONE))
    {
        reports.extend(
            remove_tree(&groups.join(name))
                .err()
                .map(|error| error.to_string()),
        );
    }
    super::packages::Packages::at(state_dir).remove_temps(&mut reports);
    Ok(reports)
}

fn check_version(state_dir: &Path, reports: &mut Vec<String>) -> Result<(), StoreError> {
    let path = state_dir.join(FILE);
    let text = match files::read(&path, FILE_BYTES) {
        Ok(Some(bytes)) => Some(String::from_utf8_lossy(&bytes).trim().to_owned()),
        Ok(None) => None,
        Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::InvalidData => {
            Some(source.to_string())
        }
        Err(error) => return Err(error),
    };
    match text.as_deref().map(str::parse::<u32>) {
        Some(Ok(LAYOUT_VERSION)) => return Ok(()),
        Some(Ok(found)) if found > LAYOUT_VERSION => {
            return Err(StoreError::NewerLayout {
                path,
                found,
                known: LAYOUT_VERSION,
            });
        }
        // There is no older layout than the first; what is below it or no number is damage.
        Some(_) => {
            let fate = Aside::of(state_dir).take(&path, FILE)?;
            reports.push(format!("{} holds no version; {fate}", path.display()));
        }
        None => {}
    }
    files::replace(&path, format!("{LAYOUT_VERSION}\n").as_bytes(), 0o644)
}

/// The groups that have a folder, sorted.
pub fn groups(state_dir: &Path) -> Result<Vec<GroupName>, StoreError> {
    let names = files::names(&state_dir.join("groups"))?;
    let mut groups: Vec<GroupName> = names.iter().filter_map(|name| name.parse().ok()).collect();
    gshell_small::sort(&mut groups);
    Ok(groups)
}

/// Hashes of the packages that any record of any group needs: what [`super::Packages::collect`] must keep, beside those
/// of environments that are being started. `None` when a record does not read: then nobody knows what it needs.
pub fn packages_in_use(state_dir: &Path) -> Result<Option<Set<String>>, StoreError> {
    let mut live = Set::new();
    for group in groups(state_dir)? {
        let loaded = Store::at(state_dir, &group.to_string())?.peek()?;
        if !loaded.reports.is_empty() {
            return Ok(None);
        }
        live.extend(loaded.jobs.into_iter().map(|job| job.package));
    }
    Ok(Some(live))
}

/// Removes a folder with all that is in it; fine when there is none.
pub fn remove_tree(path: &Path) -> Result<(), StoreError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StoreError::io("remove", path)(error)),
        _ => Ok(()),
    }
}
