//! Users, and becoming one of them for good.

use std::ffi::CString;
use std::io;
use std::path::PathBuf;

use nix::unistd::{Gid, Uid, User as Entry, initgroups, setgid, setuid};

/// A user as the system's user database has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Login name.
    pub name: String,
    /// User id.
    pub uid: u32,
    /// Primary group's id.
    pub gid: u32,
    /// Home directory.
    pub home: PathBuf,
}

/// The user with this name or, when there is none and it is a number, with this id. Fails with `NotFound`.
pub fn lookup(name_or_uid: &str) -> io::Result<User> {
    let mut entry = Entry::from_name(name_or_uid)?;
    if entry.is_none()
        && let Ok(uid) = name_or_uid.parse()
    {
        entry = Entry::from_uid(Uid::from_raw(uid))?;
    }
    let entry = entry.ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::NotFound,
            format!("there is no user '{name_or_uid}'"),
        )
    })?;
    Ok(User {
        name: entry.name,
        uid: entry.uid.as_raw(),
        gid: entry.gid.as_raw(),
        home: entry.dir,
    })
}

/// Whether this process acts as root.
pub fn is_root() -> bool {
    Uid::effective().is_root()
}

/// Makes this process the user's: supplementary groups, group and user, in this order, as each step needs the
/// privilege that the next one gives up.
///
/// Becoming who one is already needs no privilege. Fails with `PermissionDenied` otherwise, and when the change
/// turns out to be one that could be undone. A process where this failed may be half changed and must end.
pub fn switch_to(user: &User) -> io::Result<()> {
    let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
    if !is_root() && is_exactly(uid, gid)? {
        return Ok(());
    }
    let name = CString::new(user.name.as_str()).map_err(|_| io::ErrorKind::InvalidInput)?;
    initgroups(&name, gid)?;
    setgid(gid)?;
    setuid(uid)?;
    if !is_exactly(uid, gid)? {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "not all ids of the process changed",
        ));
    }
    if !uid.is_root() && setuid(Uid::from_raw(0)).is_ok() {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "the process could become root again",
        ));
    }
    Ok(())
}

/// Whether the real, effective and saved ids are all these. A saved one that differs is a way back.
fn is_exactly(uid: Uid, gid: Gid) -> io::Result<bool> {
    let (users, groups) = (nix::unistd::getresuid()?, nix::unistd::getresgid()?);
    Ok([users.real, users.effective, users.saved] == [uid; 3]
        && [groups.real, groups.effective, groups.saved] == [gid; 3])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_name_and_by_number() {
        let root = lookup("0").unwrap();
        assert_eq!((root.uid, root.gid), (0, 0));
        assert_eq!(lookup(&root.name).unwrap(), root);
        let error = lookup("no such user").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(error.to_string().contains("no such user"));
        assert!(lookup("").is_err() && lookup("-1").is_err() && lookup("4294967295").is_err());
    }

    #[test]
    fn becoming_oneself_or_somebody_forbidden() {
        // As root this would really change the test process; tests/fork.rs does that in a child.
        if is_root() {
            return;
        }
        if let Ok(own) = lookup(&Uid::effective().to_string()) {
            switch_to(&own).unwrap();
        }
        assert!(switch_to(&lookup("0").unwrap()).is_err());
    }
}
