//! Where the kernel keeps the limits of this process: its cgroups.

use std::fs;
use std::path::{Path, PathBuf};

/// Where cgroup file systems are mounted on every system that this is for.
const ROOT: &str = "/sys/fs/cgroup";

/// The folder of a cgroup, and the hierarchy's version.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cgroup {
    pub v2: bool,
    pub mount: PathBuf,
    /// Below `mount`, without a slash in front.
    pub path: PathBuf,
}

impl Cgroup {
    /// The one of this process that `controller` belongs to.
    pub fn own(controller: &str) -> Option<Cgroup> {
        Cgroup::of(&fs::read_to_string("/proc/self/cgroup").ok()?, controller)
    }

    /// From `/proc/self/cgroup`, whose lines are `ID:CONTROLLERS:PATH`. A controller is in a v1 hierarchy when one
    /// names it, otherwise in the v2 hierarchy, the line without controllers.
    fn of(table: &str, controller: &str) -> Option<Cgroup> {
        let lines = || {
            table
                .lines()
                .filter_map(|line| line.split_once(':')?.1.split_once(':'))
        };
        let root = Path::new(ROOT);
        let relative = |path: &str| PathBuf::from(path.trim_start_matches('/'));
        let v1 = lines().find(|(controllers, _)| controllers.split(',').any(|name| name == controller));
        if let Some((_, path)) = v1 {
            return Some(Cgroup {
                v2: false,
                mount: root.join(controller),
                path: relative(path),
            });
        }
        let (_, path) = lines().find(|(controllers, _)| controllers.is_empty())?;
        Some(Cgroup {
            v2: true,
            mount: root.to_owned(),
            path: relative(path),
        })
    }

    /// The lowest of what `read` finds in the folders from this group up to the root. A container sees its own group as
    /// the mount's root while its path may still be the host's, so folders that are not there are passed over.
    pub fn lowest(&self, read: impl Fn(&Path) -> Option<u64>) -> Option<u64> {
        let folders = self.path.ancestors();
        folders.filter_map(|path| read(&self.mount.join(path))).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hierarchies() {
        let v2 = Cgroup::of("0::/system.slice/a\n", "memory").unwrap();
        assert_eq!((v2.v2, v2.path.to_str()), (true, Some("system.slice/a")));
        let mixed = Cgroup::of("5:cpu,cpuacct:/x\n4:hugetlb,memory:/m:n/o\n0::/u\n", "memory").unwrap();
        assert_eq!((mixed.v2, mixed.path.to_str()), (false, Some("m:n/o")));
        assert!(mixed.mount.ends_with("memory"));
        assert_eq!(Cgroup::of("5:cpu:/x\n", "memory"), None);
        assert_eq!(Cgroup::of("", "memory"), None);
    }
}
