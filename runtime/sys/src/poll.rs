//! Readiness of descriptors: an edge-triggered epoll set with a wake-up from other threads.
//!
//! Edge-triggered, because a registration then costs one system call for the life of a descriptor and not one
//! for each wait. The caller's part of that bargain is to read or write until `WouldBlock` before it waits again.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::{EfdFlags, EventFd};

/// Events that one wait takes from the kernel; the rest stay queued there for the next one.
const BATCH: usize = 64;

/// Epoll data of the wake-up descriptor. Callers' keys are 32 bits wide, so none of them can be this.
const NOTIFY: u64 = u64::MAX;

/// What a registration asks to hear about. Errors and hang-ups are always reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interest {
    /// Report when reading would not block, or the peer has closed its side.
    pub read: bool,
    /// Report when writing would not block.
    pub write: bool,
}

impl Interest {
    /// Reading only.
    pub const READ: Interest = Interest {
        read: true,
        write: false,
    };
    /// Writing only.
    pub const WRITE: Interest = Interest {
        read: false,
        write: true,
    };
    /// Reading and writing: the usual choice, as an edge-triggered registration is made once.
    pub const BOTH: Interest = Interest {
        read: true,
        write: true,
    };

    fn event(self, key: u32) -> EpollEvent {
        let mut flags = EpollFlags::EPOLLET;
        if self.read {
            flags |= EpollFlags::EPOLLIN | EpollFlags::EPOLLRDHUP;
        }
        if self.write {
            flags |= EpollFlags::EPOLLOUT;
        }
        EpollEvent::new(flags, u64::from(key))
    }
}

/// One descriptor's readiness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// The key given to [`Poller::add`].
    pub key: u32,
    /// A read gives data, end of file or an error.
    pub readable: bool,
    /// A write is taken or gives an error.
    pub writable: bool,
    /// The peer sends no more, or the descriptor is broken: no further event will say so.
    pub ended: bool,
}

impl Event {
    fn from_kernel(event: &EpollEvent) -> Option<Event> {
        let key = u32::try_from(event.data()).ok()?;
        let flags = event.events();
        let gone = flags.intersects(EpollFlags::EPOLLHUP | EpollFlags::EPOLLERR);
        Some(Event {
            key,
            readable: gone || flags.intersects(EpollFlags::EPOLLIN | EpollFlags::EPOLLRDHUP),
            writable: gone || flags.contains(EpollFlags::EPOLLOUT),
            ended: gone || flags.contains(EpollFlags::EPOLLRDHUP),
        })
    }
}

/// The buffer that [`Poller::wait`] fills: at most 64 events at a time. Keep one and reuse it.
pub struct Events {
    kernel: Box<[EpollEvent; BATCH]>,
    len: usize,
}

impl Events {
    /// An empty buffer.
    pub fn new() -> Events {
        Events {
            kernel: Box::new([EpollEvent::empty(); BATCH]),
            len: 0,
        }
    }

    /// How many there are, wake-ups among them.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the last wait brought nothing.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The events of the last wait; a wake-up by [`Poller::notify`] is none of them.
    pub fn iter(&self) -> impl Iterator<Item = Event> + '_ {
        self.kernel[..self.len].iter().filter_map(Event::from_kernel)
    }
}

impl Default for Events {
    fn default() -> Events {
        Events::new()
    }
}

/// An epoll set. One thread waits on it; any thread may register descriptors and [`notify`](Poller::notify) it.
#[derive(Debug)]
pub struct Poller {
    epoll: Epoll,
    wake: EventFd,
    /// A wake-up is under way and not yet received, so another one needs no system call.
    notified: AtomicBool,
}

impl Poller {
    /// Makes an empty set. Fails when the process is out of descriptors or memory.
    pub fn new() -> io::Result<Poller> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let wake = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?;
        epoll.add(
            &wake,
            EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLET, NOTIFY),
        )?;
        Ok(Poller {
            epoll,
            wake,
            notified: AtomicBool::new(false),
        })
    }

    /// Registers `fd` under `key`, edge-triggered; what is ready already is reported by the next wait.
    ///
    /// Fails with `AlreadyExists` for a registered descriptor and `PermissionDenied` for one that is always
    /// ready, such as a regular file. [`delete`](Poller::delete) it before it is closed: a duplicate that a
    /// child holds would keep the registration alive.
    pub fn add(&self, fd: BorrowedFd<'_>, key: u32, interest: Interest) -> io::Result<()> {
        Ok(self.epoll.add(fd, interest.event(key))?)
    }

    /// Changes a registration; what is ready now is reported again. Fails with `NotFound` when there is none.
    pub fn modify(&self, fd: BorrowedFd<'_>, key: u32, interest: Interest) -> io::Result<()> {
        Ok(self.epoll.modify(fd, &mut interest.event(key))?)
    }

    /// Ends a registration. Fails with `NotFound` when there is none.
    pub fn delete(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        Ok(self.epoll.delete(fd)?)
    }

    /// Waits until something is ready, a [`notify`](Poller::notify) or a signal comes, or `timeout` is over
    /// (`None`: for ever), and replaces the content of `events`.
    ///
    /// The timeout is rounded up to milliseconds, so that a timer which is due at its end is due indeed. A wait
    /// that a signal ends is a success without events.
    pub fn wait(&self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        events.len = 0;
        match self.epoll.wait(&mut events.kernel[..], timeout_ms(timeout)) {
            Ok(len) => events.len = len,
            Err(Errno::EINTR) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        if events.kernel[..events.len]
            .iter()
            .any(|event| event.data() == NOTIFY)
        {
            self.receive_notification();
        }
        Ok(())
    }

    /// Makes the current or the next [`wait`](Poller::wait) return at once. Cheap when one is under way already.
    pub fn notify(&self) {
        if !self.notified.swap(true, Ordering::SeqCst) {
            // A full counter is the only possible failure, and it means that the waiter has a wake-up already.
            let _ = self.wake.write(1);
        }
    }

    /// The descriptor to write to where `notify` must not be called: in a signal handler.
    pub(crate) fn wake_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }

    /// The counter is drained before the flag is cleared: the other order can drain a write of a notification in
    /// between and leave the flag set, and then nobody would ever write again. One that comes between the two
    /// here writes nothing, but it is part of this wait: what it is for was set before, and the waiter looks at
    /// it after this (the swap makes it visible).
    fn receive_notification(&self) {
        let _ = self.wake.read();
        self.notified.swap(false, Ordering::SeqCst);
    }
}

impl AsFd for Poller {
    /// The epoll descriptor itself: readable when a wait would not block.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.0.as_fd()
    }
}

fn timeout_ms(timeout: Option<Duration>) -> EpollTimeout {
    let Some(timeout) = timeout else {
        return EpollTimeout::NONE;
    };
    let ms = timeout.as_nanos().div_ceil(1_000_000);
    // Longer than 24 days: wake once in between, the caller computes its timeout anew after every wait.
    let ms = i32::try_from(ms).unwrap_or(i32::MAX);
    EpollTimeout::try_from(ms).unwrap_or(EpollTimeout::NONE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fdpass;
    use std::sync::Arc;
    use std::time::Instant;

    const SOON: Option<Duration> = Some(Duration::from_secs(20));
    const NOW: Option<Duration> = Some(Duration::ZERO);

    fn wait(poller: &Poller, timeout: Option<Duration>) -> Vec<Event> {
        let mut events = Events::new();
        poller.wait(&mut events, timeout).unwrap();
        events.iter().collect()
    }

    #[test]
    fn reports_an_edge_once() {
        let poller = Poller::new().unwrap();
        let (a, b) = fdpass::pair().unwrap();
        poller.add(a.as_fd(), 7, Interest::READ).unwrap();
        assert_eq!(wait(&poller, NOW), vec![]);
        fdpass::send(b.as_fd(), b"x", &[]).unwrap();
        assert_eq!(
            wait(&poller, SOON),
            vec![Event {
                key: 7,
                readable: true,
                writable: false,
                ended: false
            }]
        );
        assert_eq!(wait(&poller, NOW), vec![]);
        fdpass::send(b.as_fd(), b"y", &[]).unwrap();
        assert_eq!(wait(&poller, SOON).len(), 1);
    }

    #[test]
    fn hang_up_sets_both_and_modify_reports_again() {
        let poller = Poller::new().unwrap();
        let (a, b) = fdpass::stream_pair().unwrap();
        poller.add(a.as_fd(), u32::MAX, Interest::WRITE).unwrap();
        assert_eq!(
            wait(&poller, SOON),
            vec![Event {
                key: u32::MAX,
                readable: false,
                writable: true,
                ended: false
            }]
        );
        poller.modify(a.as_fd(), 3, Interest::BOTH).unwrap();
        assert_eq!(
            wait(&poller, SOON),
            vec![Event {
                key: 3,
                readable: false,
                writable: true,
                ended: false
            }]
        );
        drop(b);
        assert_eq!(
            wait(&poller, SOON),
            vec![Event {
                key: 3,
                readable: true,
                writable: true,
                ended: true
            }]
        );
        poller.delete(a.as_fd()).unwrap();
        assert_eq!(
            poller.delete(a.as_fd()).unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
    }

    #[test]
    fn notifications_coalesce_and_come_back() {
        let poller = Arc::new(Poller::new().unwrap());
        for _ in 0..3 {
            poller.notify();
        }
        assert_eq!(poller.wake.read().unwrap(), 1);
        poller.notified.store(false, Ordering::SeqCst);
        let other = Arc::clone(&poller);
        let thread = std::thread::spawn(move || other.notify());
        assert_eq!(wait(&poller, None), vec![]);
        thread.join().unwrap();
        poller.notify();
        assert_eq!(wait(&poller, None), vec![]);
    }

    #[test]
    fn timeouts_round_up() {
        assert_eq!(i32::from(timeout_ms(Some(Duration::from_nanos(1)))), 1);
        assert_eq!(i32::from(timeout_ms(Some(Duration::from_millis(5)))), 5);
        assert_eq!(i32::from(timeout_ms(Some(Duration::from_micros(5001)))), 6);
        assert_eq!(i32::from(timeout_ms(Some(Duration::MAX))), i32::MAX);
        assert_eq!(i32::from(timeout_ms(None)), -1);
        let start = Instant::now();
        let short = Duration::from_micros(1500);
        wait(&Poller::new().unwrap(), Some(short));
        assert!(start.elapsed() >= short);
    }
}
