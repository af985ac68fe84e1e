//! How many worker threads there should be.
//!
//! The rule: `queued / weight + resident` threads should be idle, where requests that an idle thread is about to take
//! count neither as queued nor its thread as idle. So a handler that blocks costs its thread and never a neighbour's
//! turn: as soon as a thread is taken, the next one starts, up to the maximum.

/// Workers of a service.
///
/// For handlers on the thread that reads, a worker is a handler in progress, and only `max` counts; for blocking
/// handlers it is a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workers {
    /// Idle threads that are kept.
    pub resident: u16,
    /// Most handlers in progress, and most threads. Requests beyond it wait in the queue; see the module.
    pub max: u16,
    /// Waiting requests for which one more idle thread is wanted.
    pub weight: u16,
}

impl Default for Workers {
    fn default() -> Workers {
        Workers {
            resident: 1,
            max: 64,
            weight: 8,
        }
    }
}

/// Handlers in progress on the thread that reads, where no [`Workers`] are set: they cost memory only.
pub const IN_PROGRESS: usize = 4096;

/// Requests of high priority that run although `max` workers are busy: a service whose workers all hang can still be
/// told to stop.
pub const HIGH_RESERVE: usize = 4;

/// What is there now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Requests that wait for a thread.
    pub queued: usize,
    /// Threads that wait for a request.
    pub idle: usize,
    /// All threads.
    pub threads: usize,
}

impl Workers {
    fn wanted(&self, figures: Figures) -> (usize, usize) {
        let taken = figures.idle.min(figures.queued);
        let weight = usize::from(self.weight.max(1));
        let wanted = (figures.queued - taken) / weight + usize::from(self.resident);
        (wanted, figures.idle - taken)
    }

    /// Threads to start now.
    pub fn to_start(&self, figures: Figures) -> usize {
        let (wanted, idle) = self.wanted(figures);
        let room = usize::from(self.max.max(1)).saturating_sub(figures.threads);
        // Without residents, what waits still needs somebody.
        let needed = usize::from(figures.queued > figures.idle);
        wanted.max(needed).saturating_sub(idle).min(room)
    }

    /// Whether a thread that was idle for a while is one too many.
    pub fn may_end(&self, figures: Figures) -> bool {
        let (wanted, idle) = self.wanted(figures);
        idle > wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(queued: usize, idle: usize, threads: usize) -> Figures {
        Figures {
            queued,
            idle,
            threads,
        }
    }

    #[test]
    fn a_spare_thread_is_kept_while_others_block() {
        let workers = Workers::default();
        assert_eq!(workers.to_start(figures(0, 0, 0)), 1);
        assert_eq!(workers.to_start(figures(0, 1, 1)), 0);
        // One request for the idle thread: another starts at once.
        assert_eq!(workers.to_start(figures(1, 1, 1)), 1);
        assert_eq!(workers.to_start(figures(0, 0, 5)), 1);
        // Serial calls do not add up.
        assert_eq!(workers.to_start(figures(1, 2, 2)), 0);
    }

    #[test]
    fn grows_with_the_queue_at_once_and_to_the_cap() {
        let workers = Workers::default();
        assert_eq!(workers.to_start(figures(40, 0, 10)), 6);
        assert_eq!(workers.to_start(figures(4000, 0, 10)), 54);
        assert_eq!(workers.to_start(figures(4000, 0, 64)), 0);
        let none = Workers {
            resident: 0,
            max: 0,
            weight: 0,
        };
        assert_eq!(none.to_start(figures(1, 0, 0)), 1, "somebody has to do it");
        assert_eq!(none.to_start(figures(0, 0, 0)), 0);
    }

    #[test]
    fn shrinks_to_the_residents() {
        let workers = Workers {
            resident: 2,
            ..Workers::default()
        };
        assert!(workers.may_end(figures(0, 3, 10)));
        assert!(!workers.may_end(figures(0, 2, 10)));
        assert!(!workers.may_end(figures(1, 3, 10)));
        // Never both at once.
        for queued in 0..100 {
            for idle in 0..20 {
                let now = figures(queued, idle, 20);
                assert!(workers.to_start(now) == 0 || !workers.may_end(now));
            }
        }
    }
}
