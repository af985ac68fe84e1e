//! What waits to be handled: three lanes by priority. How many may wait is for who reads to see to.
//!
//! The rule: the highest lane that has something goes first, but each request that is taken past a waiting lane is
//! counted against it, and a lane that was passed over [`PATIENCE`] times gives its first the next turn. So with
//! high requests without end, normal and low ones each get at least every tenth turn.

use std::collections::VecDeque;

use gshell_wire::Priority;

/// Turns that others may get before a waiting lane has one.
pub const PATIENCE: u32 = 8;

const LANES: usize = 3;

fn lane(priority: Priority) -> usize {
    match priority {
        Priority::High => 0,
        Priority::Normal => 1,
        Priority::Low => 2,
    }
}

struct Lane<T> {
    waiting: VecDeque<T>,
    /// Turns that others had while something waited here.
    passed: u32,
}

/// A queue by priority.
pub struct Queue<T> {
    lanes: [Lane<T>; LANES],
    len: usize,
}

impl<T> Queue<T> {
    /// Nothing yet.
    pub fn new() -> Queue<T> {
        let empty = || Lane {
            waiting: VecDeque::new(),
            passed: 0,
        };
        Queue {
            lanes: [empty(), empty(), empty()],
            len: 0,
        }
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether a request of high priority waits.
    pub fn has_high(&self) -> bool {
        !self.lanes[0].waiting.is_empty()
    }

    /// Adds to the end of its lane.
    pub fn push(&mut self, priority: Priority, item: T) {
        self.lanes[lane(priority)].waiting.push_back(item);
        self.len += 1;
    }

    /// Takes what is next by the rule.
    pub fn pop(&mut self) -> Option<T> {
        // The lowest lane that ran out of patience, so that a lane is never overtaken for ever by a middle one.
        let impatient = (0..LANES)
            .rev()
            .find(|at| !self.lanes[*at].waiting.is_empty() && self.lanes[*at].passed >= PATIENCE);
        let at = impatient.or_else(|| (0..LANES).find(|at| !self.lanes[*at].waiting.is_empty()))?;
        self.take(at)
    }

    /// Takes the next one of high priority, if there is one.
    pub fn pop_high(&mut self) -> Option<T> {
        self.take(0)
    }

    fn take(&mut self, at: usize) -> Option<T> {
        let item = self.lanes[at].waiting.pop_front()?;
        self.len -= 1;
        for (other, lane) in self.lanes.iter_mut().enumerate() {
            lane.passed = match lane.waiting.is_empty() || other == at {
                true => 0,
                false => lane.passed + 1,
            };
        }
        Some(item)
    }

    /// Takes out the first one that `wanted` picks.
    pub fn remove(&mut self, wanted: impl Fn(&T) -> bool) -> Option<T> {
        for lane in &mut self.lanes {
            if let Some(at) = lane.waiting.iter().position(&wanted) {
                self.len -= 1;
                return lane.waiting.remove(at);
            }
        }
        None
    }

    /// Takes out all that `wanted` picks.
    pub fn remove_all(&mut self, wanted: impl Fn(&T) -> bool) -> Vec<T> {
        let mut removed = Vec::new();
        for lane in &mut self.lanes {
            let (out, stay): (Vec<T>, Vec<T>) = lane.waiting.drain(..).partition(&wanted);
            lane.waiting.extend(stay);
            removed.extend(out);
        }
        self.len -= removed.len();
        removed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Priority; 3] = [Priority::High, Priority::Normal, Priority::Low];

    #[test]
    fn high_before_normal_before_low_and_in_order() {
        let mut queue = Queue::new();
        for n in 0..3 {
            for priority in [Priority::Low, Priority::Normal, Priority::High] {
                queue.push(priority, (priority, n));
            }
        }
        let taken: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        let wanted: Vec<_> = ALL.iter().flat_map(|p| (0..3).map(|n| (*p, n))).collect();
        assert_eq!(taken, wanted);
    }

    #[test]
    fn no_lane_starves() {
        let mut queue = Queue::new();
        for _ in 0..10 {
            for priority in ALL {
                queue.push(priority, priority);
            }
        }
        let (mut since, mut seen) = ([0u32; 3], [0u32; 3]);
        for _ in 0..3000 {
            let taken = queue.pop().unwrap();
            queue.push(taken, taken);
            for n in &mut since {
                *n += 1;
            }
            seen[lane(taken)] += 1;
            since[lane(taken)] = 0;
            // Its own patience, and the turn of the other lane that lost its patience as well.
            assert!(since.iter().all(|n| *n <= PATIENCE + 1), "{since:?}");
        }
        assert!(seen[0] > 2000, "high still goes first: {seen:?}");
    }

    #[test]
    fn a_lane_that_was_empty_has_no_claim() {
        let mut queue = Queue::new();
        for n in 0..50 {
            queue.push(Priority::High, n);
        }
        for n in 0..20 {
            assert_eq!(queue.pop(), Some(n));
        }
        queue.push(Priority::Low, 100);
        assert_eq!(queue.pop(), Some(20));
    }

    #[test]
    fn removal() {
        let mut queue = Queue::new();
        queue.push(Priority::Low, 1);
        assert!(!queue.has_high());
        queue.push(Priority::High, 2);
        assert!(queue.has_high());
        queue.push(Priority::Normal, 3);
        assert_eq!((queue.remove(|n| *n == 1), queue.len()), (Some(1), 2));
        assert_eq!(queue.remove_all(|n| *n > 2), [3]);
        assert_eq!(
            (queue.pop_high(), queue.pop_high(), queue.len()),
            (Some(2), None, 0)
        );
        assert!(queue.is_empty());
    }
}
