//! The calls of a connection that wait for their replies.
//!
//! A call has its place by the low bits of its number, and a number whose place is taken is not used: so a place is found
//! without hashing, a number is not used again before all others were, and neither a call nor its end allocates.

use std::task::{Poll, Waker};

use gshell_wire::Fault;

use crate::payload::{Incoming, Payload};

/// Places to begin with; a power of two, as their number always is.
const LEAST: usize = 8;
/// Places that are kept when no call waits.
const KEPT: usize = 64;

pub(crate) type Answer = Result<Incoming, Fault>;

/// Reads what came under a key where it lies, if it is what the caller expects and reads well.
pub(crate) type Read = fn(u64, &[u8]) -> Option<Payload>;

#[derive(Default)]
enum State {
    #[default]
    Free,
    Waits,
    Answered(Answer),
}

#[derive(Default)]
struct Place {
    id: u32,
    stream: u32,
    state: State,
    read: Option<Read>,
    /// Of who waits, or waited here before: it is likely to come again.
    waker: Option<Waker>,
}

impl Place {
    fn is_free(&self) -> bool {
        matches!(self.state, State::Free)
    }

    fn waits(&self) -> bool {
        matches!(self.state, State::Waits)
    }
}

#[derive(Default)]
pub(crate) struct Calls {
    places: Vec<Place>,
    last: u32,
    /// Places that are not free.
    taken: usize,
    waiting: usize,
}

impl Calls {
    fn index(&self, id: u32) -> usize {
        // Without places this is no index at all.
        id as usize & self.places.len().wrapping_sub(1)
    }

    fn find(&mut self, id: u32) -> Option<&mut Place> {
        let index = self.index(id);
        let place = self.places.get_mut(index)?;
        (place.id == id && !place.is_free()).then_some(place)
    }

    /// Calls that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    /// A number and a place for a call's answer.
    pub(crate) fn begin(&mut self, stream: u32, read: Option<Read>) -> u32 {
        if self.taken * 2 >= self.places.len() {
            self.grow();
        }
        loop {
            self.last = self.last.wrapping_add(1);
            let (id, index) = (self.last, self.index(self.last));
            if let Some(place) = self.places.get_mut(index).filter(|place| place.is_free()) {
                (place.id, place.stream, place.state, place.read) = (id, stream, State::Waits, read);
                self.taken += 1;
                self.waiting += 1;
                return id;
            }
        }
    }

    #[cold]
    fn grow(&mut self) {
        let size = (self.places.len() * 2).max(LEAST);
        let before = std::mem::take(&mut self.places);
        self.places.resize_with(size, Place::default);
        for place in before.into_iter().filter(|place| !place.is_free()) {
            // Numbers that had places of their own among fewer have them among more.
            let index = self.index(place.id);
            self.places[index] = place;
        }
    }

    /// The answer, if it is there; if not, `waker` is woken when it comes.
    pub(crate) fn poll(&mut self, id: u32, waker: &Waker) -> Poll<Answer> {
        let Some(place) = self.find(id) else {
            return Poll::Ready(Err(crate::no_answer()));
        };
        if place.waits() {
            match &mut place.waker {
                Some(known) => known.clone_from(waker),
                none => *none = Some(waker.clone()),
            }
            return Poll::Pending;
        }
        match std::mem::take(&mut place.state) {
            State::Answered(answer) => {
                self.freed();
                Poll::Ready(answer)
            }
            State::Free | State::Waits => Poll::Pending,
        }
    }

    /// How the answer of a call is read.
    pub(crate) fn reads(&mut self, id: u32) -> Option<Read> {
        self.find(id)?.read
    }

    fn freed(&mut self) {
        self.taken -= 1;
        if self.taken == 0 && self.places.len() > KEPT {
            self.places = Vec::new();
        }
    }

    /// Gives a call its answer; an answer that nobody waits for comes back.
    pub(crate) fn answer(&mut self, id: u32, answer: Answer) -> Option<Answer> {
        match self.find(id) {
            Some(place) if place.waits() => {
                place.state = State::Answered(answer);
                if let Some(waker) = &place.waker {
                    waker.wake_by_ref();
                }
                self.waiting -= 1;
                None
            }
            _ => Some(answer),
        }
    }

    /// Answers all calls of a stream, or with `None` of the connection.
    pub(crate) fn fail(&mut self, stream: Option<u32>, fault: &Fault) {
        let of = |place: &Place| place.waits() && stream.is_none_or(|stream| place.stream == stream);
        let failed: Vec<_> = self
            .places
            .iter()
            .filter(|place| of(place))
            .map(|place| place.id)
            .collect();
        for id in failed {
            self.answer(id, Err(fault.clone()));
        }
    }

    /// Forgets a call: whether it still waited, and the answer that nobody took.
    pub(crate) fn end(&mut self, id: u32) -> (bool, Option<Answer>) {
        let Some(place) = self.find(id) else {
            return (false, None);
        };
        let state = std::mem::take(&mut place.state);
        self.freed();
        match state {
            State::Free => (false, None),
            State::Waits => {
                self.waiting -= 1;
                (true, None)
            }
            State::Answered(answer) => (false, Some(answer)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(n: u8) -> Answer {
        let payload = Payload::Bytes(vec![n]);
        Ok(Incoming { key: 1, payload })
    }

    fn taken(calls: &mut Calls, id: u32) -> Option<u8> {
        match calls.poll(id, Waker::noop()) {
            Poll::Ready(answer) => answer.ok()?.payload.into_bytes().ok()?.first().copied(),
            Poll::Pending => None,
        }
    }

    #[test]
    fn each_call_gets_its_answer_and_no_other() {
        let mut calls = Calls::default();
        let ids: Vec<_> = (0..100).map(|n| calls.begin(n % 3, None)).collect();
        assert_eq!(calls.waiting(), 100);
        for (n, id) in ids.iter().enumerate().rev() {
            assert!(calls.poll(*id, Waker::noop()).is_pending());
            assert!(calls.answer(*id, answer(n as u8)).is_none());
            assert!(
                calls.answer(*id, answer(255)).is_some(),
                "a second answer is for nobody"
            );
        }
        assert_eq!(calls.waiting(), 0);
        for (n, id) in ids.iter().enumerate() {
            assert_eq!(taken(&mut calls, *id), Some(n as u8));
            assert!(matches!(calls.end(*id), (false, None)));
        }
        assert!(calls.places.is_empty(), "a burst leaves nothing");
    }

    #[test]
    fn a_long_call_keeps_its_place_and_a_late_answer_finds_nobody() {
        let mut calls = Calls::default();
        let long = calls.begin(0, None);
        let mut before = long;
        for _ in 0..10_000 {
            let id = calls.begin(0, None);
            assert!(id > before, "numbers rise");
            before = id;
            assert!(calls.end(id).0);
            assert!(calls.answer(id, answer(1)).is_some());
        }
        assert_eq!(calls.places.len(), LEAST);
        assert!(calls.answer(long, answer(7)).is_none());
        assert_eq!(taken(&mut calls, long), Some(7));
    }

    #[test]
    fn a_stream_fails_alone_and_the_rest_with_the_connection() {
        let mut calls = Calls::default();
        let (one, two) = (calls.begin(1, None), calls.begin(2, None));
        calls.fail(Some(1), &crate::lost("on purpose"));
        assert!(matches!(calls.poll(one, Waker::noop()), Poll::Ready(Err(_))));
        assert!(calls.poll(two, Waker::noop()).is_pending());
        calls.fail(None, &crate::lost("on purpose"));
        assert!(matches!(calls.end(two), (false, Some(Err(_)))));
        assert!(calls.answer(0, answer(1)).is_some() && Calls::default().answer(9, answer(1)).is_some());
    }

    #[test]
    fn numbers_go_round() {
        let mut calls = Calls::default();
        let long = calls.begin(0, None);
        calls.last = u32::MAX - 3;
        for _ in 0..20 {
            let id = calls.begin(0, None);
            assert_ne!(id, long);
            assert!(calls.end(id).0);
        }
    }
}
