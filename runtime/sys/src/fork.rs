//! Forking, and the steps by which a forked process becomes one of its own.
//!
//! A fork of a process with several threads copies locks that nobody will ever release. So [`fork`] looks at how
//! many threads there are and refuses; that check is what makes it safe to call.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicU32, Ordering};

use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::{ForkResult, dup2_stderr, dup2_stdin, dup2_stdout};

use crate::signal;

/// Which side of a fork this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forked {
    /// The process that forked; the child's process id.
    Parent(i32),
    /// The new process.
    Child,
}

/// Forks this process.
///
/// In the child, signals that had a handler of this crate or its users are back to their default action, no
/// signal is blocked, and no child-watcher of the parent is left. What was ignored stays ignored, and the
/// standard library's report of an exhausted stack stays in place.
///
/// Fails with `Unsupported` when this process has more than one thread, or when that cannot be found out because
/// `/proc` is not mounted; otherwise with what the kernel says (out of processes or memory).
pub fn fork() -> io::Result<Forked> {
    let threads = count_threads().map_err(|error| {
        let text = format!("cannot count threads: {error}");
        io::Error::new(io::ErrorKind::Unsupported, text)
    })?;
    let foreign = FOREIGN_THREADS.load(Ordering::Relaxed);
    if threads > foreign + 1 {
        let text = format!("a process with {} threads cannot fork", threads - foreign);
        return Err(io::Error::new(io::ErrorKind::Unsupported, text));
    }
    // SAFETY: the child of fork may only do what is async-signal-safe, unless no other thread existed at the time
    // of the fork. This thread is the only one, as just counted, and it cannot have made another since.
    match unsafe { nix::unistd::fork() }? {
        ForkResult::Parent { child } => Ok(Forked::Parent(child.as_raw())),
        ForkResult::Child => {
            signal::after_fork();
            Ok(Forked::Child)
        }
    }
}

/// Threads that belong to what runs this program, not to the program: an emulator such as qemu-user has one of its own,
/// which it takes care of when its guest forks.
static FOREIGN_THREADS: AtomicU32 = AtomicU32::new(0);

/// Notes the threads that are there before anything of this program, or of its libraries, has made one.
extern "C" fn note_foreign_threads() {
    // Without /proc nothing is noted, and `fork` says so.
    let threads = count_threads().unwrap_or(1);
    FOREIGN_THREADS.store(threads.saturating_sub(1), Ordering::Relaxed);
}

// SAFETY: the section holds addresses of functions that the loader calls with the C convention, before `main`. This one
// takes no arguments, which that convention allows, touches an atomic and asks the kernel, and cannot unwind: an abort is
// what `extern "C"` makes of a panic.
#[used]
#[unsafe(link_section = ".init_array")]
static AT_START: extern "C" fn() = note_foreign_threads;

/// Threads of this process: the folder that lists them has two links more than there are (proc(5); since Linux 2.6).
fn count_threads() -> io::Result<u32> {
    let links = nix::sys::stat::stat("/proc/self/task")?.st_nlink;
    Ok(u32::try_from(links).unwrap_or(u32::MAX).saturating_sub(2))
}

/// Makes this process the parent of its descendants' orphans. Fails with `InvalidInput` before Linux 3.4, where
/// the orphans go to process 1.
pub fn set_child_subreaper() -> io::Result<()> {
    Ok(prctl::set_child_subreaper(true)?)
}

/// Asks for signal `sig` when the parent *thread* of this process ends. The parent may have ended already, so
/// compare [`parent_pid`] with the expected one afterwards.
pub fn set_parent_death_signal(sig: i32) -> io::Result<()> {
    Ok(prctl::set_pdeathsig(Signal::try_from(sig)?)?)
}

/// Process id of the parent; 0 when it is in another process namespace, 1 or a subreaper's when it has ended.
pub fn parent_pid() -> i32 {
    nix::unistd::getppid().as_raw()
}

/// Names this thread (in a process of one thread: the process) as `ps` and `top` show it: the first 15 bytes.
/// Fails with `InvalidInput` for a name with a NUL byte.
pub fn set_name(name: &str) -> io::Result<()> {
    let name = CString::new(name).map_err(|_| io::ErrorKind::InvalidInput)?;
    Ok(prctl::set_name(&name)?)
}

/// Ends this process at once: no destructors, no exit handlers, no flushing of standard output. The way out of a
/// forked child, whose parent's buffers are not its own to write.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: _exit has no conditions; it does not return.
    unsafe { libc::_exit(code) }
}

/// Makes this process the leader of a new session without a terminal and gives the session's id. Fails with
/// `PermissionDenied` when it leads a process group already.
pub fn new_session() -> io::Result<i32> {
    Ok(nix::unistd::setsid()?.as_raw())
}

/// Closes every descriptor from 3 up except those in `keep`.
///
/// Only for a process that was just forked: whatever in this process still owns one of the closed descriptors
/// must never be used again, and must not be dropped either (its number can by then be another file's).
/// Fails when neither `close_range` (Linux 5.9) nor `/proc` is there.
pub fn close_all_except(keep: &[RawFd]) -> io::Result<()> {
    let mut keep: Vec<RawFd> = keep.iter().copied().filter(|fd| *fd >= 3).collect();
    gshell_small::sort(&mut keep);
    let mut first = 3;
    for fd in keep.iter().copied() {
        if fd > first && !close_range(first, fd - 1) {
            return close_listed(&keep);
        }
        first = fd.saturating_add(1);
    }
    if close_range(first, RawFd::MAX) {
        Ok(())
    } else {
        close_listed(&keep)
    }
}

/// Whether the kernel closed the descriptors from `first` to `last`, both included.
fn close_range(first: RawFd, last: RawFd) -> bool {
    // SAFETY: the system call takes three integers and touches no memory. That nobody uses the closed
    // descriptors any more is what `close_all_except` demands of its caller.
    unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) == 0 }
}

fn close_listed(keep: &[RawFd]) -> io::Result<()> {
    // Listed first and closed afterwards: the directory itself is one of the descriptors.
    let open: Vec<RawFd> = std::fs::read_dir("/proc/self/fd")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    for fd in open {
        if fd >= 3 && keep.binary_search(&fd).is_err() {
            // SAFETY: close takes an integer; a number that is not open (the directory's) gives EBADF. That
            // nobody uses the descriptor any more is what `close_all_except` demands of its caller.
            unsafe { libc::close(fd) };
        }
    }
    Ok(())
}

/// Replaces standard input, output and error by duplicates of the given descriptors, `None` by `/dev/null`.
///
/// The sources may be the standard streams themselves, in any order. Fails when the process is out of
/// descriptors or has no `/dev/null`; the streams are then as before.
pub fn redirect_std(
    stdin: Option<BorrowedFd<'_>>,
    stdout: Option<BorrowedFd<'_>>,
    stderr: Option<BorrowedFd<'_>>,
) -> io::Result<()> {
    let stdin = high_duplicate(stdin)?;
    let stdout = high_duplicate(stdout)?;
    let stderr = high_duplicate(stderr)?;
    dup2_stdin(&stdin)?;
    dup2_stdout(&stdout)?;
    dup2_stderr(&stderr)?;
    Ok(())
}

/// A duplicate with a number of at least 3, so that replacing one standard stream cannot change the source of
/// the next.
fn high_duplicate(source: Option<BorrowedFd<'_>>) -> io::Result<OwnedFd> {
    let null;
    let source = match source {
        Some(fd) => fd,
        None => {
            null = File::options().read(true).write(true).open("/dev/null")?;
            null.as_fd()
        }
    };
    let fd = fcntl(source, FcntlArg::F_DUPFD_CLOEXEC(3))?;
    // SAFETY: from_raw_fd wants an open descriptor that nobody else owns: F_DUPFD_CLOEXEC has just made it.
    Ok(unsafe { std::os::fd::FromRawFd::from_raw_fd(fd) })
}

/// Points all three standard streams to `/dev/null`, for a process that outlives the terminal it came from.
pub fn daemonize_std() -> io::Result<()> {
    redirect_std(None, None, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_to_fork_with_threads() {
        // The test harness runs this on a thread of its own, so there are two at least.
        let (hold, held) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || held.recv());
        assert_eq!(fork().unwrap_err().kind(), io::ErrorKind::Unsupported);
        drop(hold);
        let _ = thread.join().unwrap();
    }

    #[test]
    fn both_ways_of_closing_close() {
        use crate::fdpass;
        use std::os::fd::AsRawFd;

        type Close = fn(&[RawFd]) -> io::Result<()>;
        for close in [close_all_except as Close, close_listed as Close] {
            std::thread::spawn(move || {
                let (keep, gone) = fdpass::pair().unwrap();
                // From here on this thread's table of descriptors is its own, and ends with it.
                nix::sched::unshare(nix::sched::CloneFlags::CLONE_FILES).unwrap();
                close(&[keep.as_raw_fd()]).unwrap();
                assert!(fcntl(&keep, FcntlArg::F_GETFD).is_ok());
                assert_eq!(fcntl(&gone, FcntlArg::F_GETFD), Err(nix::errno::Errno::EBADF));
                std::mem::forget(gone);
            })
            .join()
            .unwrap();
        }
    }

    #[test]
    fn a_name_is_set_and_cut() {
        std::thread::spawn(|| {
            set_name("a-very-long-name-indeed").unwrap();
            assert_eq!(prctl::get_name().unwrap().to_str().unwrap(), "a-very-long-nam");
            assert_eq!(set_name("nul\0").unwrap_err().kind(), io::ErrorKind::InvalidInput);
        })
        .join()
        .unwrap();
    }
}
