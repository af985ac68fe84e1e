//! Signals: waking reactors when a child ends, signals as a descriptor, and undoing what was inherited.
//!
//! The end of a child must reach every reactor of the process, because each of them waits for children of its own
//! and the kernel tells only one thread. The SIGCHLD handler therefore writes to each registered poller's eventfd,
//! from a fixed table, which is all that it does.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::sys::signalfd::{SfdFlags, SignalFd as NixSignalFd};

use crate::poll::Poller;

/// Signals by their numbers on this target: SIGCHLD and others have another one on mips.
pub use libc::{SIGCHLD, SIGHUP, SIGINT, SIGKILL, SIGTERM};

/// Pollers that can be registered at the same time: one for each executor thread, of which there are few.
const MAX_WAKERS: usize = 64;

/// A slot of [`WAKERS`] without a descriptor.
const FREE: i32 = -1;

static WAKERS: [AtomicI32; MAX_WAKERS] = [const { AtomicI32::new(FREE) }; MAX_WAKERS];

/// Handlers running at this moment, on any thread.
static IN_HANDLER: AtomicU32 = AtomicU32::new(0);

static CHILD_SIGNALS: AtomicU32 = AtomicU32::new(0);

/// Keeps a poller registered for wake-ups at the end of a child. Dropping it ends the registration.
#[must_use = "dropping it ends the registration"]
#[derive(Debug)]
pub struct ChildWaker {
    slot: usize,
    /// Keeps the eventfd open while the handler may write to it.
    poller: Arc<Poller>,
}

/// From now on, every SIGCHLD makes `poller`'s wait return, as [`Poller::notify`] does; also unblocks SIGCHLD for
/// this thread. Children that ended before are not reported: check once after this.
///
/// Signals merge: one wake-up can stand for several children. Fails with `QuotaExceeded` when 64 are registered.
pub fn register_child_waker(poller: &Arc<Poller>) -> io::Result<ChildWaker> {
    let fd = poller.wake_fd().as_raw_fd();
    let slot = WAKERS
        .iter()
        .position(|slot| {
            slot.compare_exchange(FREE, fd, Ordering::SeqCst, Ordering::SeqCst)
                .is_ok()
        })
        .ok_or_else(|| io::Error::new(io::ErrorKind::QuotaExceeded, "no room for another child watcher"))?;
    let waker = ChildWaker {
        slot,
        poller: Arc::clone(poller),
    };
    let flags = SaFlags::SA_RESTART | SaFlags::SA_NOCLDSTOP;
    let action = SigAction::new(SigHandler::Handler(on_child), flags, SigSet::empty());
    // SAFETY: a handler may only do what is async-signal-safe, and must leave errno as it was: see `on_child`,
    // which uses atomics and write(2) and restores errno.
    unsafe { sigaction(Signal::SIGCHLD, &action) }?;
    set_of(&[SIGCHLD])?.thread_unblock()?;
    Ok(waker)
}

/// A number that changes with every SIGCHLD received since the first registration: a reactor that finds the same
/// value as last time need not ask for its children.
pub fn child_signals() -> u32 {
    CHILD_SIGNALS.load(Ordering::SeqCst)
}

impl Drop for ChildWaker {
    fn drop(&mut self) {
        let fd = self.poller.wake_fd().as_raw_fd();
        // The slot is another's when a fork has emptied the table in between.
        if WAKERS[self.slot]
            .compare_exchange(fd, FREE, Ordering::SeqCst, Ordering::SeqCst)
            .is_err()
        {
            return;
        }
        // A handler on another thread may have read the slot before; the eventfd stays open until it is through.
        // Sleeping, not spinning: that thread may have a lower real-time priority and the same processor.
        while IN_HANDLER.load(Ordering::SeqCst) != 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

extern "C" fn on_child(_: libc::c_int) {
    let errno = Errno::last_raw();
    IN_HANDLER.fetch_add(1, Ordering::SeqCst);
    CHILD_SIGNALS.fetch_add(1, Ordering::SeqCst);
    let one: u64 = 1;
    for slot in &WAKERS {
        let fd = slot.load(Ordering::SeqCst);
        if fd != FREE {
            // SAFETY: write wants as many readable bytes as stated, which `one` has. The descriptor is a poller's
            // nonblocking eventfd: it was in the table after IN_HANDLER was raised, and a guard that takes it out
            // keeps it open until IN_HANDLER is zero. write is async-signal-safe.
            unsafe { libc::write(fd, (&raw const one).cast(), size_of::<u64>()) };
        }
    }
    IN_HANDLER.fetch_sub(1, Ordering::SeqCst);
    Errno::set_raw(errno);
}

/// Makes writing to a closed pipe or socket an error instead of the end of the process.
pub fn ignore_sigpipe() -> io::Result<()> {
    // SAFETY: ignoring a signal installs no handler, so there is nothing that could be unsafe to run.
    unsafe { nix::sys::signal::signal(Signal::SIGPIPE, SigHandler::SigIgn) }?;
    Ok(())
}

/// Blocks `signals` for this thread and the threads it makes from now on. Fails with `InvalidInput` for a number
/// that is no signal or a real-time one.
pub fn block(signals: &[i32]) -> io::Result<()> {
    Ok(set_of(signals)?.thread_block()?)
}

fn set_of(signals: &[i32]) -> io::Result<SigSet> {
    let mut set = SigSet::empty();
    for signal in signals {
        set.add(Signal::try_from(*signal)?);
    }
    Ok(set)
}

/// Signals to read from a descriptor, nonblocking and close-on-exec. Register it with a [`Poller`].
#[derive(Debug)]
pub struct SignalFd(NixSignalFd);

impl SignalFd {
    /// Blocks `signals` as [`block`] does and collects them. Call it before other threads are made: a thread that
    /// does not block them would still be interrupted or ended by them.
    pub fn new(signals: &[i32]) -> io::Result<SignalFd> {
        let set = set_of(signals)?;
        set.thread_block()?;
        Ok(SignalFd(NixSignalFd::with_flags(
            &set,
            SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC,
        )?))
    }

    /// The next pending signal's number, `None` when there is none. Equal signals that were pending together are
    /// reported once.
    pub fn read(&self) -> io::Result<Option<i32>> {
        let info = self.0.read_signal()?;
        Ok(info.and_then(|info| i32::try_from(info.ssi_signo).ok()))
    }
}

impl AsFd for SignalFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Gives every signal its default action, also ignored ones, and unblocks all for this thread: the state that a
/// new program expects. Allocates nothing, so it may be used between fork and exec.
pub fn reset_all() {
    for signal in 1..=libc::SIGRTMAX() {
        // SAFETY: the default action runs no code of ours. Numbers that cannot be changed (SIGKILL, SIGSTOP, the
        // C library's own) give an error and stay as they are.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    // Cannot fail: the set is valid.
    let _ = SigSet::empty().thread_set_mask();
}

/// What a forked child does first: handlers of the parent go, and with them the table they use.
pub(crate) fn after_fork() {
    for slot in &WAKERS {
        slot.store(FREE, Ordering::SeqCst);
    }
    for signal in 1..=libc::SIGRTMAX() {
        if handled(signal) && signal != libc::SIGSEGV && signal != libc::SIGBUS {
            // SAFETY: as in `reset_all`.
            unsafe { libc::signal(signal, libc::SIG_DFL) };
        }
    }
    let _ = SigSet::empty().thread_set_mask();
}

/// Whether a function is installed for `signal`.
fn handled(signal: i32) -> bool {
    // SAFETY: sigaction is a C struct of integers and a nullable function pointer; zero is valid for all of them.
    let mut old: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: without a new action this only writes the current one to `old`, which is valid for writing.
    let found = unsafe { libc::sigaction(signal, std::ptr::null(), &raw mut old) } == 0;
    found && old.sa_sigaction != libc::SIG_DFL && old.sa_sigaction != libc::SIG_IGN
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poll::{Events, Interest};
    use crate::process::{self, Spawn};

    #[test]
    fn every_registered_poller_hears_of_a_child() {
        let pollers = [Arc::new(Poller::new().unwrap()), Arc::new(Poller::new().unwrap())];
        let wakers: Vec<_> = pollers
            .iter()
            .map(|poller| register_child_waker(poller).unwrap())
            .collect();
        let before = child_signals();
        let child = process::spawn(Spawn::new("true")).unwrap();
        for poller in &pollers {
            let mut events = Events::new();
            poller.wait(&mut events, None).unwrap();
        }
        while process::try_wait(child.pid).unwrap().is_none() {
            pollers[0].wait(&mut Events::new(), None).unwrap();
        }
        assert_ne!(child_signals(), before);
        drop(wakers);
    }

    #[test]
    fn slots_are_used_again() {
        let poller = Arc::new(Poller::new().unwrap());
        for _ in 0..2 * MAX_WAKERS {
            drop(register_child_waker(&poller).unwrap());
        }
        assert_eq!(Arc::strong_count(&poller), 1);
    }

    #[test]
    fn a_signal_is_read_from_its_descriptor() {
        // On a thread of its own: only that thread blocks the signal, and only to it the signal is sent.
        std::thread::spawn(|| {
            let signals = SignalFd::new(&[libc::SIGUSR1]).unwrap();
            assert_eq!(signals.read().unwrap(), None);
            // Raised by std-only means would hit the whole process; raise() sends to the calling thread.
            nix::sys::signal::raise(Signal::SIGUSR1).unwrap();
            let poller = Poller::new().unwrap();
            poller.add(signals.as_fd(), 1, Interest::READ).unwrap();
            let mut events = Events::new();
            poller.wait(&mut events, None).unwrap();
            assert_eq!(events.iter().count(), 1);
            assert_eq!(signals.read().unwrap(), Some(libc::SIGUSR1));
            assert_eq!(signals.read().unwrap(), None);
        })
        .join()
        .unwrap();
    }

    #[test]
    fn no_signal_is_refused() {
        assert!(block(&[0]).is_err());
        assert!(SignalFd::new(&[1000]).is_err());
    }
}
