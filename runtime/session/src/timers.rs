//! When a connection needs attention although nothing came. Times are milliseconds of one monotonic clock.

/// Milliseconds that a peer has for its hello.
pub const HELLO_MS: u64 = 5000;

/// What a time asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    Nothing,
    Ping,
    /// Nothing was heard for as many milliseconds as the peer had.
    Silent(u64),
}

#[derive(Debug)]
pub struct Timers {
    /// When the peer has to have said hello.
    hello_by: u64,
    /// Milliseconds of silence after which the peer is asked, and after which it is gone.
    keepalive: Option<(u64, u64)>,
    heard: u64,
    asked: u64,
}

impl Timers {
    pub fn new(now_ms: u64) -> Timers {
        Timers {
            hello_by: now_ms.saturating_add(HELLO_MS),
            keepalive: None,
            heard: now_ms,
            asked: now_ms,
        }
    }

    pub fn set_keepalive(&mut self, interval_ms: u64, deadline_ms: u64) {
        self.keepalive = (interval_ms > 0).then_some((interval_ms, deadline_ms));
    }

    pub fn heard(&mut self, now_ms: u64) {
        self.heard = self.heard.max(now_ms);
    }

    pub fn hello_late(&self, now_ms: u64) -> bool {
        now_ms >= self.hello_by
    }

    pub fn hello_by(&self) -> u64 {
        self.hello_by
    }

    /// What is due on a connection that is open.
    pub fn due(&mut self, now_ms: u64) -> Due {
        let Some((interval, deadline)) = self.keepalive else {
            return Due::Nothing;
        };
        if now_ms >= self.heard.saturating_add(deadline) {
            return Due::Silent(deadline);
        }
        if now_ms < self.ask_at(interval) {
            return Due::Nothing;
        }
        self.asked = now_ms;
        Due::Ping
    }

    /// When [`Timers::due`] has something to say next.
    pub fn next(&self) -> Option<u64> {
        let (interval, deadline) = self.keepalive?;
        Some(self.ask_at(interval).min(self.heard.saturating_add(deadline)))
    }

    fn ask_at(&self, interval: u64) -> u64 {
        self.heard.max(self.asked).saturating_add(interval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_once_per_interval_and_then_gives_up() {
        let mut timers = Timers::new(0);
        assert_eq!((timers.due(1_000_000), timers.next()), (Due::Nothing, None));
        timers.set_keepalive(100, 250);
        assert_eq!(timers.next(), Some(100));
        assert_eq!(timers.due(99), Due::Nothing);
        assert_eq!((timers.due(100), timers.next()), (Due::Ping, Some(200)));
        assert_eq!(timers.due(150), Due::Nothing);
        assert_eq!((timers.due(200), timers.next()), (Due::Ping, Some(250)));
        assert_eq!(timers.due(250), Due::Silent(250));
    }

    #[test]
    fn whoever_is_heard_is_not_asked() {
        let mut timers = Timers::new(0);
        timers.set_keepalive(100, 250);
        timers.heard(90);
        assert_eq!((timers.due(100), timers.next()), (Due::Nothing, Some(190)));
        timers.heard(80);
        assert_eq!(timers.next(), Some(190), "time does not go back");
    }
}
