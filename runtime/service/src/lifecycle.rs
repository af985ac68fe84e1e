//! Streams and connections of a service as they come and go.

use std::collections::VecDeque;
use std::rc::Rc;

use crate::dispatch::Waiting;
use crate::handlers::Handlers;
use crate::hooks::{Admission, Served, StreamContext};
use crate::link::{Link, Peer};

impl Handlers {
    /// What is to become of a new connection.
    pub(crate) fn admission(&self, peer: &Peer) -> Admission {
        match &self.hooks.connect {
            Some(hook) => hook(peer),
            None => Admission::Accept,
        }
    }

    /// The client opened a stream.
    pub(crate) fn opened(&self, link: &Link, stream: u32) {
        if self.hooks.open.is_none() && self.hooks.close.is_none() {
            return;
        }
        // Kept from now on, so that its end is known.
        let served = self.served(link, stream);
        if let Some(hook) = &self.hooks.open {
            hook(&StreamContext {
                link: link.clone(),
                id: stream,
                served,
            });
        }
    }

    /// A stream is no more: both sides ended it, or one dropped it.
    pub(crate) fn closed(self: &Rc<Self>, link: &Link, stream: u32) {
        let served = self.pool.served.borrow_mut().remove(&(link.place(), stream));
        self.give_up(link.place(), Some(stream));
        if let Some(served) = served {
            self.close(link, stream, served);
        }
    }

    fn close(&self, link: &Link, stream: u32, served: Rc<Served>) {
        // What nobody waits for an answer to is still handled, each when its turn comes.
        let stays = |waiting: &Waiting| self.options.finishing || waiting.context.call.is_none();
        let (stay, forgotten): (VecDeque<_>, Vec<_>) = {
            let line = served.line.take().into_iter();
            let (stay, forgotten): (Vec<_>, Vec<_>) = line.partition(stays);
            (stay.into(), forgotten)
        };
        served.line.replace(stay);
        for waiting in forgotten {
            self.forget(waiting);
        }
        if let Some(hook) = &self.hooks.close {
            hook(&StreamContext {
                link: link.clone(),
                id: stream,
                served,
            });
        }
    }

    /// The connection has ended, and with it all its streams.
    pub(crate) fn gone(self: &Rc<Self>, link: &Link) {
        let place = link.place();
        let served = self
            .pool
            .served
            .borrow_mut()
            .take_range(&(place, 0), &(place, u32::MAX));
        self.give_up(place, None);
        for ((_, stream), served) in served {
            self.close(link, stream, served);
        }
        let load = self.pool.loads.borrow_mut().remove(&place);
        if load.is_none() {
            return;
        }
        let counters = link.counters();
        let mut totals = self.totals.get();
        totals.bytes_in = totals.bytes_in.wrapping_add(counters.bytes_in);
        totals.bytes_out = totals.bytes_out.wrapping_add(counters.bytes_out);
        self.totals.set(totals);
        if let Some(hook) = &self.hooks.disconnect {
            hook(link.peer());
        }
    }
}
