//! Who is at the other end of a unix socket, and what groups a user is in.

use std::io;
use std::os::fd::BorrowedFd;

use nix::sys::socket::{getsockopt, sockopt};
use nix::unistd::{Gid, Group, Uid, User};

/// The process that connected, as the kernel noted it at that time (`SO_PEERCRED`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// Its process id; 0 when it lives in a process namespace that is not visible from here.
    pub pid: i32,
    /// Its effective user id.
    pub uid: u32,
    /// Its effective group id.
    pub gid: u32,
}

impl Credentials {
    /// Those of this process.
    pub fn own() -> Credentials {
        Credentials {
            pid: nix::unistd::getpid().as_raw(),
            uid: Uid::effective().as_raw(),
            gid: Gid::effective().as_raw(),
        }
    }
}

/// Credentials of the peer of the unix socket `fd`. Fails when it is not a connected socket.
pub fn credentials(fd: BorrowedFd<'_>) -> io::Result<Credentials> {
    let got = getsockopt(&fd, sockopt::PeerCredentials)?;
    // A socket that is not connected has no peer, which the kernel says with ids of -1.
    if got.pid() == 0 && got.uid() == u32::MAX {
        return Err(io::Error::from(io::ErrorKind::NotConnected));
    }
    Ok(Credentials {
        pid: got.pid(),
        uid: got.uid(),
        gid: got.gid(),
    })
}

/// The effective user id of this process.
pub fn current_uid() -> u32 {
    Uid::effective().as_raw()
}

/// Whether the user `uid` is in the group named `group`, by its primary group or the group's list of members.
///
/// False when there is no such group or user; what cannot be read grants nothing.
pub fn is_member(uid: u32, group: &str) -> bool {
    let Ok(Some(group)) = Group::from_name(group) else {
        return false;
    };
    let Ok(Some(user)) = User::from_uid(Uid::from_raw(uid)) else {
        return false;
    };
    user.gid == group.gid || group.mem.contains(&user.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fdpass;
    use std::os::fd::AsFd;

    #[test]
    fn a_pair_knows_this_process() {
        let (a, _b) = fdpass::pair().unwrap();
        let peer = credentials(a.as_fd()).unwrap();
        assert_eq!(peer.pid, i32::try_from(std::process::id()).unwrap());
        assert_eq!(peer.uid, current_uid());
    }

    #[test]
    fn an_unconnected_socket_has_no_peer() {
        let socket = std::os::unix::net::UnixDatagram::unbound().unwrap();
        assert!(credentials(socket.as_fd()).is_err());
        assert!(credentials(std::fs::File::open("/dev/null").unwrap().as_fd()).is_err());
    }

    #[test]
    fn membership() {
        assert!(!is_member(0, "no such group here"));
        assert!(!is_member(u32::MAX - 7, "root"));
        if let (Ok(Some(root)), Ok(Some(_))) = (User::from_name("root"), Group::from_name("root")) {
            assert!(is_member(root.uid.as_raw(), "root"));
        }
    }
}
