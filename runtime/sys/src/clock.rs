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

/// As [`monotonic_ms`], a few milliseconds behind at most: the time of the kernel's last tick, which costs a quarter of
/// a look at the clock.
pub fn coarse_ms() -> u64 {
    let Ok(time) = clock_gettime(ClockId::CLOCK_MONOTONIC_COARSE) else {
        return monotonic_ms();
    };
    milliseconds(&time)
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
    fn coarse_is_behind_by_little() {
        let before = monotonic_ms();
        let coarse = coarse_ms();
        assert!(
            coarse <= monotonic_ms() && coarse + 100 >= before,
            "{coarse} {before}"
        );
    }

    #[test]
    fn boot_and_wall() {
        assert_eq!(boot_id(), boot_id());
        assert_eq!(boot_id().unwrap().len(), 36);
        assert!(wall_ms() > 0);
    }
}
