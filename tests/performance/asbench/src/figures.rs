//! What a measurement gives: transactions per second and percentiles.

use std::time::{Duration, Instant};

/// Largest number of latencies that are kept; then every second one, every fourth and so on.
const MOST_SAMPLES: usize = 1 << 20;

/// Counts calls and keeps their latencies.
#[derive(Debug)]
pub struct Meter {
    began: Instant,
    calls: u32,
    samples: Vec<u32>,
    /// One call of so many is kept.
    each: u32,
}

/// The result of one measurement.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    /// Transactions per second.
    pub tps: f64,
    /// Half of the calls took no longer, in microseconds.
    pub p50_us: f64,
    /// 99 of 100 calls took no longer, in microseconds.
    pub p99_us: f64,
    /// Calls in all.
    pub calls: u32,
}

impl Meter {
    /// Begins now.
    pub fn begin() -> Meter {
        Meter {
            began: Instant::now(),
            calls: 0,
            samples: Vec::with_capacity(1 << 16),
            each: 1,
        }
    }

    /// Notes a call that began at `at` and is over now; gives the time now.
    pub fn note(&mut self, at: Instant) -> Instant {
        let now = Instant::now();
        self.calls += 1;
        if self.calls.is_multiple_of(self.each) {
            if self.samples.len() == MOST_SAMPLES {
                let mut keep = false;
                self.samples.retain(|_| {
                    keep = !keep;
                    keep
                });
                self.each *= 2;
            }
            self.samples.push(nanoseconds(now - at));
        }
        now
    }

    /// The figures of all calls so far.
    pub fn figures(mut self) -> Figures {
        let seconds = self.began.elapsed().as_secs_f64();
        self.samples.sort_unstable();
        Figures {
            tps: f64::from(self.calls) / seconds,
            p50_us: percentile(&self.samples, 50),
            p99_us: percentile(&self.samples, 99),
            calls: self.calls,
        }
    }
}

fn nanoseconds(time: Duration) -> u32 {
    u32::try_from(time.as_nanos()).unwrap_or(u32::MAX)
}

/// The value below or at which `percent` of the sorted samples lie, in microseconds; 0 without samples.
fn percentile(sorted: &[u32], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).map_or(0.0, |ns| f64::from(*ns) / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_ranks() {
        let samples: Vec<u32> = (1..=100).map(|n| n * 1000).collect();
        assert_eq!((percentile(&samples, 50), percentile(&samples, 99)), (50.0, 99.0));
        assert_eq!(percentile(&[7000], 99), 7.0);
        assert_eq!(percentile(&[], 50), 0.0);
    }

    #[test]
    fn a_long_measurement_keeps_a_bounded_number_of_samples() {
        let mut meter = Meter::begin();
        let mut at = Instant::now();
        for _ in 0..MOST_SAMPLES + 10 {
            at = meter.note(at);
        }
        assert!(meter.samples.len() <= MOST_SAMPLES / 2 + 10);
        assert_eq!(meter.figures().calls as usize, MOST_SAMPLES + 10);
    }
}
