//! A descriptor that becomes readable at a time.
//!
//! A wait with a timeout makes the kernel set up a timer and take it down again, each time, which is a tenth of a
//! message round trip. This one is set when there is something earlier to wait for and otherwise left alone.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::sys::timer::{Expiration, TimerSetTimeFlags};
use nix::sys::timerfd::{ClockId, TimerFd, TimerFlags};

/// Rings once for each time that it is set, by the monotonic clock. For an edge-triggered poller: it is never read.
#[derive(Debug)]
pub struct Alarm(TimerFd);

impl Alarm {
    /// One that is not set. Fails when the process is out of descriptors or memory.
    pub fn new() -> io::Result<Alarm> {
        let flags = TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK;
        Ok(Alarm(TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?))
    }

    /// Rings after `delay` and not at the time that was set before; a delay of nothing rings as soon as can be.
    pub fn set(&self, delay: Duration) -> io::Result<()> {
        // Zero would switch it off.
        let delay = delay.max(Duration::from_nanos(1));
        Ok(self
            .0
            .set(Expiration::OneShot(delay.into()), TimerSetTimeFlags::empty())?)
    }
}

impl AsFd for Alarm {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poll::{Events, Interest, Poller};
    use std::time::Instant;

    #[test]
    fn rings_once_at_the_time_that_was_set_last() {
        let (poller, alarm) = (Poller::new().unwrap(), Alarm::new().unwrap());
        poller.add(alarm.as_fd(), 1, Interest::READ).unwrap();
        let began = Instant::now();
        alarm.set(Duration::from_secs(3600)).unwrap();
        for delay in [Duration::from_millis(3), Duration::ZERO] {
            alarm.set(delay).unwrap();
            let mut events = Events::new();
            poller.wait(&mut events, Some(Duration::from_secs(60))).unwrap();
            assert_eq!(events.iter().next().map(|event| event.key), Some(1));
        }
        assert!(began.elapsed() >= Duration::from_millis(3));
        let mut events = Events::new();
        poller.wait(&mut events, Some(Duration::ZERO)).unwrap();
        assert!(events.iter().next().is_none());
    }
}
