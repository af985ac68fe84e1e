//! Waiting for something to become true, with a deadline and a name for the failure message.

use std::time::{Duration, Instant};

/// Time between two looks. Small, because several tests measure what they wait for.
const PAUSE: Duration = Duration::from_millis(2);

/// Waits until `ready` gives something and returns that with the time it took; panics with `what` after `deadline`.
pub fn wait_for<T>(what: &str, deadline: Duration, mut ready: impl FnMut() -> Option<T>) -> (T, Duration) {
    let start = Instant::now();
    loop {
        if let Some(found) = ready() {
            return (found, start.elapsed());
        }
        assert!(
            start.elapsed() < deadline,
            "waited {deadline:?} in vain until {what}"
        );
        std::thread::sleep(PAUSE);
    }
}

/// Waits until `ready` is true and returns how long that took; panics with `what` after `deadline`.
pub fn wait_until(what: &str, deadline: Duration, mut ready: impl FnMut() -> bool) -> Duration {
    wait_for(what, deadline, || ready().then_some(())).1
}
