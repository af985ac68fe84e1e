//! The time of requests that are handled one right after the other.
//!
//! A look at the clock costs as much as a tenth of a small request. While a connection handles what it has read, the end
//! of one request is the beginning of the next, so one look for each does.

use std::cell::Cell;
use std::time::{Duration, Instant};

thread_local! {
    static RECENT: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// While this is there, [`recent`] need not look at the clock.
pub(crate) struct Batch(());

impl Batch {
    pub(crate) fn begin(now: Instant) -> Batch {
        RECENT.set(Some(now));
        Batch(())
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        RECENT.set(None);
    }
}

/// The end of the request before this one, or now.
pub(crate) fn recent() -> Instant {
    RECENT.get().unwrap_or_else(Instant::now)
}

/// Now; and what [`recent`] says from here on.
pub(crate) fn now() -> Instant {
    let now = Instant::now();
    if RECENT.get().is_some() {
        RECENT.set(Some(now));
    }
    now
}

/// Whole milliseconds of a time.
pub(crate) fn milliseconds(time: Duration) -> u64 {
    time.as_secs() * 1000 + u64::from(time.subsec_millis())
}
