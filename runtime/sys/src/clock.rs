//! Clocks. Timers and leases use the monotonic one; wall time is for display.

use std::time::{SystemTime, UNIX_EPOCH};

use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_gettime};

/// Milliseconds of the monotonic clock: since about the machine's start, not counting suspension. Equal for all
/// processes of one boot, so it may be compared between them and with [`boot_id`] also noted on disk.
pub fn monotonic_ms() -> u64 {
    // The clock exists on every kernel; with nothing to say about a failure, time stands still.
    let Ok(time) = clock_gettime(ClockId::CLOCK_MONOTONIC) else {
        return 0;
    };
    milliseconds(&time)
}

/// The kernel's last tick: an equal one means that no more than a few milliseconds have passed. Costs a quarter of a look
/// at the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick(Option<TimeSpec>);

impl Tick {
    /// The last one.
    #[inline]
    pub fn now() -> Tick {
        Tick(clock_gettime(ClockId::CLOCK_MONOTONIC_COARSE).ok())
    }
}

fn milliseconds(time: &TimeSpec) -> u64 {
    let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
    let nanos = u64::try_from(time.tv_nsec()).unwrap_or(0);
    seconds.saturating_mul(1000).saturating_add(nanos / 1_000_000)
}

/// A text that is another one after every boot; `None` when `/proc` is not mounted.
pub fn boot_id() -> Option<String> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(text.trim().to_owned()).filter(|id| !id.is_empty())
}

/// Milliseconds since 1970 by the wall clock, which can jump and, before it is set, can be far off; negative before.
pub fn wall_ms() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[test]
    fn monotonic_goes_with_instant() {
        let (start, instant) = (monotonic_ms(), Instant::now());
        while instant.elapsed() < Duration::from_millis(3) {
            std::hint::spin_loop();
        }
        let passed = monotonic_ms() - start;
        assert!(passed >= 2, "{passed}");
        assert!(u128::from(passed) <= instant.elapsed().as_millis() + 1);
    }

    #[test]
    fn ticks_go_on() {
        let (start, before) = (Instant::now(), Tick::now());
        while Tick::now() == before {
            assert!(start.elapsed() < Duration::from_secs(20));
        }
    }

    #[test]
    fn boot_and_wall() {
        assert_eq!(boot_id(), boot_id());
        assert_eq!(boot_id().unwrap().len(), 36);
        assert!(wall_ms() > 0);
    }
}
