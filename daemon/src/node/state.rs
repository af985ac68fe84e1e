//! Folders, locks and identity of a node.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use gshell_sys::lock::{Lock, LockError};
use gshell_sys::{fsx, random};

/// Bytes of a node's ID; it is shown as twice as many hexadecimal digits.
const ID_BYTES: usize = 6;

/// Mode of the runtime dir and its folders: others may pass, because a group may run as another user, and see
/// nothing. Who may connect is the affair of the sockets' mode and of the check of each peer.
const MODE: u32 = 0o711;

/// Makes the runtime dir with its folders.
pub fn make_run_dir(run_dir: &Path) -> Result<(), String> {
    for folder in [
        run_dir.to_owned(),
        run_dir.join("svc"),
        run_dir.join("log"),
        run_dir.join("groups"),
    ] {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(MODE)
            .create(&folder)
            .map_err(|error| format!("cannot make run dir {}: {error}", folder.display()))?;
    }
    Ok(())
}

/// The right to be the daemon of a folder, held as long as the process lives.
pub fn lock(folder: &Path) -> Result<Lock, String> {
    let path = folder.join("daemon.lock");
    match Lock::acquire(&path, &std::process::id().to_string()) {
        Ok(lock) => Ok(lock),
        Err(LockError::Held { content }) => {
            let pid = content.trim();
            Err(format!(
                "a daemon (process {pid}) runs on {} already: use it, stop it (gshell daemon stop), or choose other \
                 folders (--run-dir, --state-dir)",
                folder.display()
            ))
        }
        Err(LockError::Io(error)) => Err(format!("cannot lock {}: {error}", path.display())),
    }
}

/// Opens the state dir; the error says why nothing can be kept.
pub fn open(state_dir: &Path) -> Result<Vec<String>, String> {
    let reports = gshell_group::store::open_layout(state_dir).map_err(|error| error.to_string())?;
    // A folder that exists and cannot be written (a read-only file system) shows here and not at the first job.
    let probe = state_dir.join(".probe");
    fsx::write_atomic(&probe, b"", 0o600)
        .map_err(|error| format!("cannot write to {}: {error}", state_dir.display()))?;
    let _ = fs::remove_file(probe);
    Ok(reports)
}

/// The node's ID: made once and kept; one that cannot be kept lasts as long as the daemon.
pub fn id(state_dir: Option<&Path>) -> String {
    let path = state_dir.map(|dir| dir.join("id"));
    if let Some(known) = path.as_deref().and_then(read_id) {
        return known;
    }
    let mut bytes = [0; ID_BYTES];
    if random::fill(&mut bytes).is_err() {
        bytes[2..].copy_from_slice(&std::process::id().to_be_bytes());
    }
    let id: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    if let Some(path) = path {
        let _ = fsx::write_atomic(&path, id.as_bytes(), 0o644);
    }
    id
}

fn read_id(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let text = text.trim();
    let good =
        text.len() == 2 * ID_BYTES && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    good.then(|| text.to_owned())
}

/// Gives a folder that may have been there before its mode.
pub fn restrict(folder: &Path) -> io::Result<()> {
    fs::set_permissions(folder, fs::Permissions::from_mode(MODE))
}

/// Absolute form of a folder that exists: the daemon works in `/`.
pub fn absolute(folder: &Path) -> PathBuf {
    std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned())
}
