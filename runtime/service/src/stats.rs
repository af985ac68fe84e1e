//! What a service counts: per message type, and for all of it.

use std::cell::{Cell, RefCell};

/// Steps of a histogram within a power of two, so that a percentile is at most an eighth off.
const STEPS: u32 = 4;
/// Buckets: the values below [`STEPS`] one by one, then four for each power of two up to 2^32 µs, more than an hour.
const BUCKETS: usize = 4 * 31;

/// Latencies in microseconds, in buckets of growing width; half a kilobyte.
pub(crate) struct Histogram {
    buckets: [u32; BUCKETS],
    total: u32,
    max: u32,
}

fn bucket(micros: u32) -> usize {
    if micros < STEPS {
        return micros as usize;
    }
    let power = 31 - micros.leading_zeros();
    let step = (micros >> (power - 2)) & 3;
    ((power - 1) * STEPS + step) as usize
}

/// Lowest value of a bucket, and how many it has.
fn range(bucket: usize) -> (u32, u32) {
    let (power, step) = (bucket as u32 / STEPS + 1, bucket as u32 % STEPS);
    if power == 1 {
        return (step, 1);
    }
    (1 << power | step << (power - 2), 1 << (power - 2))
}

impl Histogram {
    pub(crate) fn new() -> Histogram {
        Histogram {
            buckets: [0; BUCKETS],
            total: 0,
            max: 0,
        }
    }

    pub(crate) fn add(&mut self, micros: u32) {
        if self.total == u32::MAX {
            // The shape stays, old values weigh half.
            self.buckets.iter_mut().for_each(|count| *count /= 2);
            self.total = self.buckets.iter().sum();
        }
        self.buckets[bucket(micros)] += 1;
        self.total += 1;
        self.max = self.max.max(micros);
    }

    /// The value that `percent` of all values do not exceed, about.
    pub(crate) fn percentile(&self, percent: u32) -> u32 {
        let rank = (u64::from(self.total) * u64::from(percent)).div_ceil(100).max(1);
        let mut below = 0;
        for (at, count) in self.buckets.iter().enumerate() {
            below += u64::from(*count);
            if below >= rank {
                let (start, width) = range(at);
                return (start + width / 2).min(self.max);
            }
        }
        self.max
    }

    pub(crate) fn max(&self) -> u32 {
        self.max
    }
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// With a reply, or without one by intent.
    Answered,
    /// The handler gave an error.
    Failed,
    /// The handler panicked.
    Panicked,
    /// The caller gave up, or is gone.
    Cancelled,
    /// Its deadline passed.
    Expired,
}

/// What is counted for a service as a whole.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    pub server: crate::server::ServerStats,
    /// Messages that nobody handles.
    pub unknown: u32,
    /// Times that a connection was not read because it wanted too much.
    pub held: u32,
    /// Of connections that have ended.
    pub bytes_in: u64,
    pub bytes_out: u64,
}

/// What is counted for one message type.
#[derive(Default)]
pub(crate) struct Counts {
    /// Requests that came.
    pub calls: Cell<u32>,
    /// Requests that ended with an error, panics among them.
    pub errors: Cell<u32>,
    pub panics: Cell<u32>,
    pub cancelled: Cell<u32>,
    pub expired: Cell<u32>,
    pub in_flight: Cell<u32>,
    pub queued: Cell<u32>,
    /// From the first byte that was looked at to the reply; made with the first request.
    latency: RefCell<Option<Box<Histogram>>>,
}

pub(crate) fn count(cell: &Cell<u32>) {
    cell.set(cell.get().wrapping_add(1));
}

pub(crate) fn uncount(cell: &Cell<u32>) {
    cell.set(cell.get().saturating_sub(1));
}

impl Counts {
    /// Counts the end of a request after `micros`.
    pub(crate) fn ended(&self, outcome: Outcome, micros: u32) {
        match outcome {
            Outcome::Answered => {}
            Outcome::Failed => count(&self.errors),
            Outcome::Panicked => {
                count(&self.errors);
                count(&self.panics);
            }
            Outcome::Cancelled => count(&self.cancelled),
            Outcome::Expired => count(&self.expired),
        }
        let mut latency = self.latency.borrow_mut();
        latency
            .get_or_insert_with(|| Box::new(Histogram::new()))
            .add(micros);
    }

    /// 50, 90, 99 percent and the maximum.
    pub(crate) fn latencies(&self) -> [u32; 4] {
        match &*self.latency.borrow() {
            Some(latency) => [
                latency.percentile(50),
                latency.percentile(90),
                latency.percentile(99),
                latency.max(),
            ],
            None => [0; 4],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_follow_each_other() {
        let mut next = 0u64;
        for at in 0..BUCKETS {
            let (start, width) = range(at);
            assert_eq!(u64::from(start), next, "bucket {at}");
            assert_eq!(bucket(start), at);
            assert_eq!(bucket(start + (width - 1)), at);
            next = u64::from(start) + u64::from(width);
        }
        assert_eq!(next, 1 << 32);
        assert_eq!(bucket(u32::MAX), BUCKETS - 1);
    }

    #[test]
    fn percentiles_are_an_eighth_off_at_most() {
        let mut histogram = Histogram::new();
        assert_eq!(histogram.percentile(99), 0);
        for value in 1..=10_000 {
            histogram.add(value);
        }
        for (percent, wanted) in [(50, 5000u32), (90, 9000), (99, 9900)] {
            let found = histogram.percentile(percent);
            assert!(found.abs_diff(wanted) <= wanted / 8, "{percent}: {found}");
        }
        assert_eq!(histogram.max(), 10_000);
        let mut one = Histogram::new();
        one.add(3);
        assert_eq!((one.percentile(50), one.percentile(99)), (3, 3));
    }

    #[test]
    fn a_full_histogram_goes_on() {
        let mut histogram = Histogram::new();
        histogram.buckets[5] = u32::MAX;
        histogram.total = u32::MAX;
        histogram.add(1);
        assert_eq!(histogram.total, u32::MAX / 2 + 1);
    }

    #[test]
    fn outcomes_are_counted_apart() {
        let counts = Counts::default();
        assert_eq!(counts.latencies(), [0; 4]);
        for outcome in [
            Outcome::Answered,
            Outcome::Failed,
            Outcome::Panicked,
            Outcome::Cancelled,
            Outcome::Expired,
        ] {
            counts.ended(outcome, 2);
        }
        assert_eq!((counts.errors.get(), counts.panics.get()), (2, 1));
        assert_eq!((counts.cancelled.get(), counts.expired.get()), (1, 1));
        assert_eq!(counts.latencies(), [2; 4]);
    }
}
