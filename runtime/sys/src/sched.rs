//! Scheduling: real-time priority, niceness, and on which processors to run.
//!
//! All of it belongs to the calling thread and is inherited by threads and processes that it makes afterwards. So a
//! process that sets it before it has other threads sets it for all of them.

use std::fs;
use std::io;
use std::path::Path;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

use crate::cgroup::Cgroup;

/// Round-robin real-time scheduling with `priority` 1 (lowest) to 99.
///
/// Fails with `InvalidInput` for other priorities and with `PermissionDenied` without CAP_SYS_NICE or a
/// sufficient RLIMIT_RTPRIO (also for root in a v1 cpu cgroup without a real-time budget).
pub fn set_round_robin(priority: u8) -> io::Result<()> {
    set_scheduler(libc::SCHED_RR, priority)
}

/// The normal time-sharing scheduling.
pub fn set_normal() -> io::Result<()> {
    set_scheduler(libc::SCHED_OTHER, 0)
}

/// By the system call itself: musl's function of that name does nothing but fail, as the kernel's call is about
/// threads and the standard's about processes.
fn set_scheduler(policy: i32, priority: u8) -> io::Result<()> {
    let param = libc::c_int::from(priority);
    // SAFETY: the system call takes two integers and a pointer to the kernel's sched_param, which is one int that it
    // reads: `param` is one and outlives the call.
    match unsafe { libc::syscall(libc::SYS_sched_setscheduler, 0, policy, &raw const param) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Niceness, -20 (most favoured) to 19; values beyond are clamped by the kernel. Fails with `PermissionDenied` when
/// it is lowered without privilege.
pub fn set_nice(nice: i32) -> io::Result<()> {
    // SAFETY: setpriority takes three integers and touches no memory.
    match unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, nice) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Runs on these processors only, numbered from 0. Fails with `InvalidInput` when none of them exists or may be
/// used, or a number is beyond what the C library can express (1023).
pub fn set_affinity(cpus: &[u16]) -> io::Result<()> {
    let mut set = CpuSet::new();
    for cpu in cpus {
        set.set(usize::from(*cpu))?;
    }
    Ok(sched_setaffinity(Pid::from_raw(0), &set)?)
}

/// Processors that the calling thread may use, in ascending order.
pub fn affinity() -> io::Result<Vec<u16>> {
    let set = sched_getaffinity(Pid::from_raw(0))?;
    let known = u16::try_from(CpuSet::count()).unwrap_or(u16::MAX);
    Ok((0..known)
        .filter(|cpu| set.is_set(usize::from(*cpu)).unwrap_or(false))
        .collect())
}

/// Number of processors that the calling thread may use, at least 1; less when a cgroup's quota gives it less.
pub fn cpu_count() -> u16 {
    let may = affinity().map_or(1, |cpus| cpus.len() as u64);
    let quota = Cgroup::own("cpu").and_then(|cgroup| cgroup.lowest(|folder| quota(cgroup.v2, folder)));
    let count = may.min(quota.unwrap_or(u64::MAX)).max(1);
    u16::try_from(count).unwrap_or(u16::MAX)
}

/// Whole processors that a cgroup gets at most: its time in each period.
fn quota(v2: bool, folder: &Path) -> Option<u64> {
    let read = |file: &str| fs::read_to_string(folder.join(file)).ok();
    let (time, period) = match v2 {
        true => {
            let text = read("cpu.max")?;
            let (time, period) = text.split_once(' ')?;
            (time.to_owned(), period.to_owned())
        }
        false => (read("cpu.cfs_quota_us")?, read("cpu.cfs_period_us")?),
    };
    // No quota is the text "max", or -1 in v1.
    let time: u64 = time.trim().parse().ok()?;
    time.checked_div(period.trim().parse().ok()?)
}

/// Reads a list such as `0,2-3`: the processors in ascending order, each once. `None` when it is empty, is no such
/// list, or has a number above 1023.
pub fn cpu_list_parse(text: &str) -> Option<Vec<u16>> {
    let mut cpus = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (cpu_number(first)?, cpu_number(last)?);
        if first > last {
            return None;
        }
        cpus.extend(first..=last);
    }
    gshell_small::sort(&mut cpus);
    cpus.dedup();
    Some(cpus)
}

fn cpu_number(text: &str) -> Option<u16> {
    let text = text.trim();
    // The standard parser also takes a sign.
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok()?;
    (digits && usize::from(number) < CpuSet::count()).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;

    #[test]
    fn lists() {
        assert_eq!(cpu_list_parse("0"), Some(vec![0]));
        assert_eq!(cpu_list_parse("0,2-3"), Some(vec![0, 2, 3]));
        assert_eq!(cpu_list_parse(" 5 , 1 - 2,2"), Some(vec![1, 2, 5]));
        for bad in [
            "", ",", "1,", "a", "-1", "1-", "3-2", "1-2-3", "+1", "70000", "1024", "0-65535",
        ] {
            assert_eq!(cpu_list_parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn quotas_are_whole_processors() {
        let dir = TempDir::new();
        let write = |file: &str, text: &str| fs::write(dir.path().join(file), text).unwrap();
        assert_eq!((quota(true, dir.path()), quota(false, dir.path())), (None, None));
        for (text, want) in [
            ("max 100000\n", None),
            ("250000 100000\n", Some(2)),
            ("50000 100000\n", Some(0)),
            ("1 0\n", None),
        ] {
            write("cpu.max", text);
            assert_eq!(quota(true, dir.path()), want, "{text}");
        }
        write("cpu.cfs_period_us", "100000\n");
        write("cpu.cfs_quota_us", "-1\n");
        assert_eq!(quota(false, dir.path()), None);
        write("cpu.cfs_quota_us", "300000\n");
        assert_eq!(quota(false, dir.path()), Some(3));
    }

    #[test]
    fn affinity_binds_this_thread_only() {
        let all = affinity().unwrap();
        let first = all[0];
        std::thread::spawn(move || {
            set_affinity(&[first]).unwrap();
            assert_eq!(affinity().unwrap(), vec![first]);
            assert_eq!(cpu_count(), 1);
        })
        .join()
        .unwrap();
        assert_eq!(affinity().unwrap(), all);
        assert!(usize::from(cpu_count()) <= all.len());
        assert!(set_affinity(&[]).is_err());
        assert!(set_affinity(&[u16::MAX]).is_err());
    }

    #[test]
    fn priorities() {
        std::thread::spawn(|| {
            set_nice(19).unwrap();
            assert_eq!(
                set_round_robin(0).unwrap_err().kind(),
                io::ErrorKind::InvalidInput
            );
            assert_eq!(
                set_round_robin(100).unwrap_err().kind(),
                io::ErrorKind::InvalidInput
            );
            // Without privilege it is refused; with it, it works and can be taken back.
            match set_round_robin(1) {
                Ok(()) => set_normal().unwrap(),
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::PermissionDenied),
            }
        })
        .join()
        .unwrap();
    }
}
