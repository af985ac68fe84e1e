//! Connecting again after a loss.

use std::cell::Cell;
use std::time::{Duration, Instant};

use async_channel::{Receiver, Sender, bounded};
use gshell_net::rt;
use gshell_sys::random;
use gshell_wire::{Code, Fault};

use crate::client::Client;
use crate::discover::{Discover, Timeout};

/// Pause after the first connection that did not last.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// A connection that lasted so long makes the next pause the first again.
const LASTED: Duration = Duration::from_secs(10);

/// How a client finds its service again.
pub(crate) struct Again {
    search: Discover,
    /// Whoever has put something in connects; the others wait.
    turn: (Sender<()>, Receiver<()>),
    /// Connections in a row that did not last, and since when there is the last one.
    losses: Cell<u32>,
    since: Cell<Instant>,
}

/// Lets the next one have its turn.
struct Turn<'a>(&'a Receiver<()>);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let _ = self.0.try_recv();
    }
}

impl Again {
    pub(crate) fn new(search: Discover) -> Again {
        Again {
            search,
            turn: bounded(1),
            losses: Cell::new(0),
            since: Cell::new(Instant::now()),
        }
    }

    /// Gives `client` a living connection.
    pub(crate) async fn connect(&self, client: &Client, deadline: Option<Instant>) -> Result<(), Fault> {
        let work = self.connect_in_turn(client);
        let Some(at) = deadline else { return work.await };
        let left = at.saturating_duration_since(Instant::now());
        rt::timeout(left, work).await.unwrap_or_else(|| {
            let text = format!("service {} was not there again in time", self.search.name());
            Err(Fault::new(Code::Timeout, text))
        })
    }

    async fn connect_in_turn(&self, client: &Client) -> Result<(), Fault> {
        let _ = self.turn.0.send(()).await;
        let _turn = Turn(&self.turn.1);
        if client.link().gone().is_none() {
            return Ok(());
        }
        if self.since.get().elapsed() >= LASTED {
            self.losses.set(0);
        }
        rt::sleep(pause(self.losses.get())).await;
        self.losses.set(self.losses.get().saturating_add(1));
        // Discovery waits for the service without looking again and again; the call's own limit is around it.
        let search = self.search.clone().timeout(Timeout::Forever).reconnect(false);
        client.replace(search.one().await?);
        self.since.set(Instant::now());
        Ok(())
    }
}

/// The pause after so many losses: none after the first, then doubling, and shortened at random so that a thousand clients
/// of a service that comes back do not come at the same moment.
fn pause(losses: u32) -> Duration {
    if losses == 0 {
        return Duration::ZERO;
    }
    let whole = FIRST_PAUSE * 2u32.saturating_pow(losses.min(16) - 1);
    let mut byte = [0; 1];
    let _ = random::fill(&mut byte);
    whole.min(LONGEST_PAUSE).mul_f64(0.5 + f64::from(byte[0]) / 512.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound() {
        assert_eq!(pause(0), Duration::ZERO);
        for losses in 1..40 {
            let whole = FIRST_PAUSE * 2u32.pow((losses - 1).min(10));
            let whole = whole.min(LONGEST_PAUSE);
            let got = pause(losses);
            assert!(got >= whole / 2 && got <= whole, "{losses}: {got:?}");
        }
    }
}
