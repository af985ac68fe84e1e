//! The streams of a connection. Most connections have one and some have a thousand, so the table is a sorted list: the
//! default stream is its first entry and costs one comparison.

use std::collections::VecDeque;

use gshell_wire::INITIAL_CREDIT;

use crate::MESSAGE_COST;

/// Streams that this side reset and that are remembered one by one, to tell late frames from lies. When there are
/// more, all older ones count as reset: an honest peer is never blamed, a lying one gets away with a dropped frame.
const RESETS_KEPT: usize = 1024;

/// What a message with a payload of `len` bytes costs.
pub fn cost(len: usize) -> i64 {
    i64::try_from(len)
        .unwrap_or(i64::MAX)
        .saturating_add(i64::from(MESSAGE_COST))
}

/// An open stream.
#[derive(Debug)]
pub struct Stream {
    pub id: u32,
    /// What this side may still send.
    pub send: i64,
    /// What the peer may still send, as far as it was told.
    pub recv: i64,
    /// What was consumed and is not granted yet.
    pub due: i64,
    /// This side sends no more.
    pub ended: bool,
    /// The peer sends no more.
    pub peer_ended: bool,
}

impl Stream {
    /// A stream as both sides see it when it is opened; what the window has beyond the initial credit is due.
    fn new(id: u32, window: i64) -> Stream {
        let credit = i64::from(INITIAL_CREDIT);
        Stream {
            id,
            send: credit,
            recv: credit,
            due: window - credit,
            ended: false,
            peer_ended: false,
        }
    }

    /// Notes that the application took `bytes`; never more than was received.
    pub fn consumed(&mut self, bytes: i64, window: i64) {
        let held = window - self.recv - self.due;
        self.due += bytes.min(held).max(0);
    }

    /// What is to be granted now, if at least `batch` bytes are due.
    pub fn grant(&mut self, batch: i64) -> Option<u32> {
        if self.peer_ended || self.due < batch.max(1) {
            return None;
        }
        let bytes = u32::try_from(self.due).unwrap_or(u32::MAX);
        self.due -= i64::from(bytes);
        self.recv += i64::from(bytes);
        Some(bytes)
    }
}

#[derive(Debug)]
pub struct Streams {
    /// By rising id.
    open: Vec<Stream>,
    window: i64,
    /// The id of the next stream to be opened; wider than an id, so that the last one can be used.
    next: u64,
    /// What this side reset, oldest first.
    reset: VecDeque<u32>,
    /// The highest id that fell out of `reset`.
    forgotten: Option<u32>,
}

impl Streams {
    /// The table of a fresh connection: the default stream is open.
    pub fn new(window: i64) -> Streams {
        let open = vec![Stream::new(0, window)];
        Streams {
            open,
            window,
            next: 1,
            reset: VecDeque::new(),
            forgotten: None,
        }
    }

    pub fn len(&self) -> usize {
        self.open.len()
    }

    pub fn window(&self) -> i64 {
        self.window
    }

    /// The id of the next stream.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Uses up the next id; `None` when there are no more.
    pub fn take_id(&mut self) -> Option<u32> {
        let id = u32::try_from(self.next).ok()?;
        self.next += 1;
        Some(id)
    }

    /// Adds the stream with the id that was taken last.
    pub fn add(&mut self, id: u32) {
        self.open.push(Stream::new(id, self.window));
    }

    pub fn get(&self, id: u32) -> Option<&Stream> {
        self.open.get(self.place(id)?)
    }

    pub fn get_mut(&mut self, id: u32) -> Option<&mut Stream> {
        let place = self.place(id)?;
        self.open.get_mut(place)
    }

    /// Ids rise by one, so without gaps the place follows from the id; each stream that is gone moves it to the left.
    #[inline]
    fn place(&self, id: u32) -> Option<usize> {
        let first = self.open.first()?.id;
        let most = usize::try_from(id.checked_sub(first)?).ok()?;
        if self.open.get(most).is_some_and(|stream| stream.id == id) {
            return Some(most);
        }
        let before = self.open.get(..most).unwrap_or(&self.open);
        before.binary_search_by_key(&id, |stream| stream.id).ok()
    }

    /// Removes a stream; false if it is not open.
    pub fn remove(&mut self, id: u32) -> bool {
        let place = self.place(id);
        if let Some(place) = place {
            self.open.remove(place);
        }
        place.is_some()
    }

    /// Whether the stream with this id was ever opened.
    pub fn was_opened(&self, id: u32) -> bool {
        u64::from(id) < self.next
    }

    /// Remembers that this side reset a stream.
    pub fn note_reset(&mut self, id: u32) {
        if self.reset.len() >= RESETS_KEPT {
            let oldest = self.reset.pop_front();
            self.forgotten = self.forgotten.max(oldest);
        }
        self.reset.push_back(id);
    }

    /// Whether frames on this closed stream are to be dropped because this side reset it.
    pub fn was_reset(&self, id: u32) -> bool {
        self.forgotten.is_some_and(|highest| id <= highest) || self.reset.contains(&id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resets_are_bounded_and_never_forgotten_to_the_peers_harm() {
        let mut streams = Streams::new(i64::from(INITIAL_CREDIT));
        for id in 0..5000 {
            streams.note_reset(id);
        }
        assert_eq!(streams.reset.len(), RESETS_KEPT);
        assert!((0..5000).all(|id| streams.was_reset(id)));
        assert!(!streams.was_reset(5000));
    }

    #[test]
    fn streams_are_found_with_and_without_gaps() {
        let mut streams = Streams::new(i64::from(INITIAL_CREDIT));
        for id in 1..100 {
            assert_eq!(streams.take_id(), Some(id));
            streams.add(id);
        }
        let all = |streams: &Streams, open: &dyn Fn(u32) -> bool| {
            (0..200).all(|id| streams.get(id).map(|stream| stream.id) == open(id).then_some(id))
        };
        assert!(all(&streams, &|id| id < 100));
        for id in (0..100).step_by(3) {
            assert!(streams.remove(id) && !streams.remove(id));
        }
        assert!(all(&streams, &|id| id < 100 && id % 3 != 0));
    }

    #[test]
    fn a_stream_takes_what_the_documentation_says() {
        assert!(size_of::<Stream>() <= 32);
    }

    #[test]
    fn the_last_id_can_be_used_once() {
        let mut streams = Streams::new(i64::from(INITIAL_CREDIT));
        streams.next = u64::from(u32::MAX);
        assert_eq!(streams.take_id(), Some(u32::MAX));
        assert_eq!(streams.take_id(), None);
        assert!(streams.was_opened(u32::MAX));
    }

    #[test]
    fn no_more_is_granted_than_was_received() {
        let window = i64::from(INITIAL_CREDIT);
        let mut stream = Stream::new(1, window);
        stream.consumed(1000, window);
        assert_eq!(stream.due, 0);
        stream.recv -= 500;
        stream.consumed(i64::MAX, window);
        assert_eq!(
            (stream.due, stream.grant(501), stream.grant(500)),
            (500, None, Some(500))
        );
        assert_eq!((stream.recv, stream.due), (window, 0));
    }
}
