//! Memory: how much there is, giving it back, and whether the kernel killed for want of it.

use std::fs;
use std::io;
use std::path::Path;

use crate::cgroup::Cgroup;

mod program;

/// Bytes of memory that this process and its like may use: the machine's, or less when a cgroup of this process (v1
/// or v2) says less. `u64::MAX` when `/proc` does not tell.
pub fn total_bytes() -> u64 {
    let machine = fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| mem_total(&text));
    let limit = own_cgroup().and_then(|cgroup| cgroup.limit());
    machine.unwrap_or(u64::MAX).min(limit.unwrap_or(u64::MAX))
}

fn mem_total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// Times that the kernel killed a process of this process' cgroup (or one below it) because memory ran out; `None`
/// when the cgroup does not count that (no memory controller, v1 before Linux 4.13, the root group).
///
/// Compare two values around a SIGKILL to tell whether it was the kernel's. See [`machine_oom_kills`] for machines
/// without cgroups.
pub fn cgroup_oom_kills() -> Option<u64> {
    own_cgroup()?.oom_kills()
}

/// Times that the kernel killed any process of the machine because memory ran out; `None` before Linux 4.13.
pub fn machine_oom_kills() -> Option<u64> {
    keyed(&fs::read_to_string("/proc/vmstat").ok()?, "oom_kill")
}

fn own_cgroup() -> Option<Cgroup> {
    Cgroup::own("memory")
}

impl Cgroup {
    /// The lowest limit from this group up to the root.
    fn limit(&self) -> Option<u64> {
        let file = if self.v2 {
            "memory.max"
        } else {
            "memory.limit_in_bytes"
        };
        // The text "max" is no number and no limit.
        self.lowest(|folder| fs::read_to_string(folder.join(file)).ok()?.trim().parse().ok())
    }

    fn oom_kills(&self) -> Option<u64> {
        let file = if self.v2 {
            "memory.events"
        } else {
            "memory.oom_control"
        };
        let read = |path: &Path| {
            keyed(
                &fs::read_to_string(self.mount.join(path).join(file)).ok()?,
                "oom_kill",
            )
        };
        read(&self.path).or_else(|| read(Path::new("")))
    }
}

/// The value of a line `KEY VALUE`.
fn keyed(text: &str, key: &str) -> Option<u64> {
    let (_, value) = text
        .lines()
        .filter_map(|line| line.split_once(' '))
        .find(|(name, _)| *name == key)?;
    value.trim().parse().ok()
}

/// How much sooner (up to 1000) or later (down to -1000: never) than others the kernel should kill this process when
/// memory runs out. Lowering it needs privilege. Inherited by children.
pub fn proc_oom_score_adj(score: i32) -> io::Result<()> {
    fs::write("/proc/self/oom_score_adj", score.to_string())
}

/// Gives free memory of the heap back to the kernel, where the C library knows how (glibc; musl does so by itself).
/// Costs some milliseconds on a large heap: for a process that becomes idle.
pub fn trim() {
    #[cfg(target_env = "gnu")]
    // SAFETY: malloc_trim has no conditions and takes the allocator's own locks.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Bytes that this process has allocated from the heap and not freed, all threads' heaps together, with the allocator's
/// own overhead and the few blocks that each thread keeps back for itself; `None` where the C library does not count
/// (musl). Takes each heap's lock in turn: some microseconds.
///
/// Unlike the figures in `/proc`, it does not depend on where blocks lie: a difference is what came and was not freed.
pub fn allocated() -> Option<u64> {
    #[cfg(target_env = "gnu")]
    {
        // SAFETY: mallinfo2 has no conditions, takes the allocator's own locks and returns numbers.
        let info = unsafe { libc::mallinfo2() };
        Some((info.uordblks as u64).saturating_add(info.hblkhd as u64))
    }
    #[cfg(not(target_env = "gnu"))]
    None
}

/// Gives back what a process that has become idle does not need to hold: free heap, and the code and constants that only
/// its start used. These come back page by page from the page cache when they are used again. Some hundred microseconds.
pub fn release() {
    trim();
    program::release();
}

/// Makes all threads share one heap (glibc; others have no more): fewer megabytes held by threads that once
/// allocated, for more waiting between threads that allocate at the same time. Call it before there are threads.
pub fn limit_arenas() {
    #[cfg(target_env = "gnu")]
    // SAFETY: mallopt takes two integers; it must not run while other threads allocate for the setting to bind them,
    // but is memory-safe then too, as it takes the allocator's own locks.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;

    #[test]
    fn meminfo() {
        assert_eq!(
            mem_total("MemTotal:         505000 kB\nMemFree: 1 kB\n"),
            Some(505_000 * 1024)
        );
        assert_eq!(mem_total("MemTotal: 1\n"), None);
        let total = total_bytes();
        assert!(total > 1 << 20 && total < u64::MAX, "{total}");
    }

    #[test]
    fn the_lowest_limit_binds() {
        let dir = TempDir::new();
        let inner = dir.path().join("a/b");
        fs::create_dir_all(&inner).unwrap();
        let cgroup = |path: &str| Cgroup {
            v2: true,
            mount: dir.path().to_owned(),
            path: path.into(),
        };
        assert_eq!(cgroup("a/b").limit(), None);
        fs::write(inner.join("memory.max"), "max\n").unwrap();
        fs::write(dir.path().join("a/memory.max"), "1000\n").unwrap();
        assert_eq!(cgroup("a/b").limit(), Some(1000));
        fs::write(inner.join("memory.max"), "500\n").unwrap();
        assert_eq!(cgroup("a/b").limit(), Some(500));
        fs::write(dir.path().join("memory.max"), "2000\n").unwrap();
        // A path of the host's, seen from within a container.
        assert_eq!(cgroup("docker/123").limit(), Some(2000));
    }

    #[test]
    fn kills_are_read() {
        let dir = TempDir::new();
        let cgroup = |v2| Cgroup {
            v2,
            mount: dir.path().to_owned(),
            path: "gone".into(),
        };
        assert_eq!(cgroup(true).oom_kills(), None);
        fs::write(
            dir.path().join("memory.events"),
            "low 0\noom 3\noom_kill 2\noom_group_kill 1\n",
        )
        .unwrap();
        assert_eq!(cgroup(true).oom_kills(), Some(2));
        fs::write(
            dir.path().join("memory.oom_control"),
            "oom_kill_disable 0\nunder_oom 0\n",
        )
        .unwrap();
        assert_eq!(cgroup(false).oom_kills(), None);
        let _ = (cgroup_oom_kills(), machine_oom_kills());
    }

    #[test]
    #[cfg(target_env = "gnu")]
    fn what_is_allocated_is_counted() {
        // More than other tests of this process allocate meanwhile, and of each of the two kinds that are counted:
        // in the heap, and mapped by itself.
        const MUCH: u64 = 64 << 20;
        let before = allocated().unwrap();
        let mapped = vec![0_u8; MUCH as usize];
        let in_heap: Vec<Vec<u8>> = (0..MUCH >> 14).map(|_| Vec::with_capacity(1 << 14)).collect();
        let with = allocated().unwrap();
        assert!(with >= before + MUCH / 2 * 3, "{before} {with}");
        drop((mapped, in_heap));
        let after = allocated().unwrap();
        assert!(after < before + MUCH / 2, "{before} {after}");
    }

    #[test]
    fn the_heap() {
        limit_arenas();
        trim();
        // Raising is always allowed, and only by as little as no other test notices.
        proc_oom_score_adj(1).unwrap_or_default();
    }
}
