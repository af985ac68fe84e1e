//! Where an environment's output goes: its log, and the client that is attached.
//!
//! The environment writes on its own executor thread, the client is served on the group's first thread, so
//! this is the one place that both lock. Log bytes are gathered and written when the environment's thread
//! has nothing else to do, or a buffer is full. Output for a client is bounded: a writer that is ahead of
//! its client is told so and waits ([`Hub::congested`], [`Hub::drained`]); without a client nothing waits.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use gshell_control::limits::EXIT_TAIL;
use gshell_control::messages::attach::Finished;

use crate::logs::Log;

/// Log bytes that are gathered before they are written.
const LOG_BUFFER: usize = 8 << 10;
/// Bytes for a slow client after which a writer waits.
const HIGH_WATER: usize = 256 << 10;
/// Bytes for a slow client below which it goes on.
const LOW_WATER: usize = 64 << 10;
/// Bytes for a slow client beyond which a writer that cannot wait (a callback inside C) only reaches the log.
const HARD_LIMIT: usize = 1 << 20;
/// Largest piece that is sent to a client at once.
const PIECE: usize = 32 << 10;

/// What an attached client gets next.
pub enum Next {
    /// Bytes of a stream: 1 or 2.
    Output(u8, Vec<u8>),
    /// The environment has exited for good.
    Finished(Finished),
    /// Another client took over.
    Replaced,
}

#[derive(Default)]
struct Inner {
    log: Option<Log>,
    buffer: Vec<u8>,
    tail: VecDeque<u8>,
    client: Option<u32>,
    last_client: u32,
    size: Option<(u16, u16)>,
    out: VecDeque<(u8, Vec<u8>)>,
    out_bytes: usize,
    finished: Option<Finished>,
    reader: Option<Waker>,
    writers: Vec<Waker>,
    dropped: u64,
}

/// The output side of one environment.
#[derive(Default)]
pub struct Hub {
    inner: Mutex<Inner>,
}

impl Hub {
    /// Output that goes to `log`.
    pub fn new(log: Option<Log>) -> Arc<Hub> {
        Arc::new(Hub {
            inner: Mutex::new(Inner {
                log,
                ..Inner::default()
            }),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes bytes of stream 1 or 2. `true` when this is the first byte since the log was written: the caller
    /// then sees to it that [`Hub::flush`] is called soon.
    pub fn write(&self, stream: u8, bytes: &[u8]) -> bool {
        let mut inner = self.lock();
        let first = inner.buffer.is_empty();
        inner.buffer.extend_from_slice(bytes);
        if inner.buffer.len() >= LOG_BUFFER {
            inner.flush();
        }
        inner.keep_tail(bytes);
        if inner.client.is_some() {
            inner.queue(stream, bytes);
        }
        first && !inner.buffer.is_empty()
    }

    /// Writes the gathered log bytes.
    pub fn flush(&self) {
        self.lock().flush();
    }

    /// Whether a writer should wait for its client.
    pub fn congested(&self) -> bool {
        let inner = self.lock();
        inner.client.is_some() && inner.out_bytes > HIGH_WATER
    }

    /// Waits until the client has caught up or is gone.
    pub fn drained(self: &Arc<Self>) -> impl Future<Output = ()> + use<> {
        let hub = self.clone();
        std::future::poll_fn(move |context| {
            let mut inner = hub.lock();
            if inner.client.is_none() || inner.out_bytes <= LOW_WATER {
                return Poll::Ready(());
            }
            inner.writers.push(context.waker().clone());
            Poll::Pending
        })
    }

    /// Attaches a client, in the place of one that is there; gives the number to ask by.
    pub fn attach(&self, size: Option<(u16, u16)>) -> u32 {
        let mut inner = self.lock();
        inner.last_client = inner.last_client.wrapping_add(1);
        let number = inner.last_client;
        inner.client = Some(number);
        inner.size = size;
        inner.forget_output();
        inner.wake_reader();
        number
    }

    /// Detaches client `number`, unless another has taken its place.
    pub fn detach(&self, number: u32) {
        let mut inner = self.lock();
        if inner.client == Some(number) {
            inner.client = None;
            inner.size = None;
            inner.forget_output();
        }
    }

    /// Size of the client's terminal: columns and rows.
    pub fn terminal(&self) -> Option<(u16, u16)> {
        self.lock().size
    }

    /// The client's terminal has a new size.
    pub fn resize(&self, number: u32, size: Option<(u16, u16)>) {
        let mut inner = self.lock();
        if inner.client == Some(number) {
            inner.size = size;
        }
    }

    /// Waits for what client `number` gets next.
    pub fn next(self: &Arc<Self>, number: u32) -> impl Future<Output = Next> + use<> {
        let hub = self.clone();
        std::future::poll_fn(move |context| hub.lock().poll_next(number, context))
    }

    /// Takes what the log has and the client gets it first: for one that wants the output from the start.
    pub fn replay(&self) -> Vec<u8> {
        let mut inner = self.lock();
        inner.flush();
        let Inner { log, .. } = &*inner;
        log.as_ref()
            .map(|log| log.read_all().unwrap_or_default())
            .unwrap_or_default()
    }

    /// A run begins: what the run before left for clients is forgotten.
    pub fn begin(&self) {
        let mut inner = self.lock();
        inner.finished = None;
        inner.tail.clear();
    }

    /// The last output of the run.
    pub fn tail(&self) -> String {
        let mut inner = self.lock();
        let bytes = inner.tail.make_contiguous();
        String::from_utf8_lossy(bytes).into_owned()
    }

    /// The environment has exited for good: an attached client is told after the last output.
    pub fn finish(&self, finished: Finished) {
        let mut inner = self.lock();
        inner.flush();
        inner.finished = Some(finished);
        inner.wake_reader();
    }

    /// Bytes that could not be logged.
    pub fn dropped(&self) -> u64 {
        let inner = self.lock();
        inner.dropped + inner.log.as_ref().map_or(0, Log::dropped)
    }
}

impl Inner {
    fn flush(&mut self) {
        if self.buffer.is_empty() {
            return;
        }
        if let Some(log) = &mut self.log {
            log.append(&self.buffer);
        }
        self.buffer.clear();
    }

    fn keep_tail(&mut self, bytes: &[u8]) {
        let most = EXIT_TAIL as usize;
        let new = &bytes[bytes.len().saturating_sub(most)..];
        let excess = (self.tail.len() + new.len()).saturating_sub(most);
        self.tail.drain(..excess.min(self.tail.len()));
        self.tail.extend(new);
    }

    fn queue(&mut self, stream: u8, bytes: &[u8]) {
        // Looked at before, not after: a single write may be of any size, and its writer waits afterwards.
        if self.out_bytes > HARD_LIMIT {
            self.dropped += bytes.len() as u64;
            return;
        }
        self.out_bytes += bytes.len();
        for bytes in bytes.chunks(PIECE) {
            match self.out.back_mut() {
                Some((last, piece)) if *last == stream && piece.len() + bytes.len() <= PIECE => {
                    piece.extend_from_slice(bytes);
                }
                _ => self.out.push_back((stream, bytes.to_vec())),
            }
        }
        self.wake_reader();
    }

    fn poll_next(&mut self, number: u32, context: &mut Context<'_>) -> Poll<Next> {
        if self.client != Some(number) {
            return Poll::Ready(Next::Replaced);
        }
        if let Some((stream, bytes)) = self.out.pop_front() {
            self.out_bytes -= bytes.len();
            if self.out_bytes <= LOW_WATER {
                self.wake_writers();
            }
            return Poll::Ready(Next::Output(stream, bytes));
        }
        if let Some(finished) = &self.finished {
            return Poll::Ready(Next::Finished(finished.clone()));
        }
        self.reader = Some(context.waker().clone());
        Poll::Pending
    }

    fn forget_output(&mut self) {
        self.out.clear();
        self.out_bytes = 0;
        self.wake_writers();
    }

    fn wake_reader(&mut self) {
        if let Some(waker) = self.reader.take() {
            waker.wake();
        }
    }

    fn wake_writers(&mut self) {
        for waker in self.writers.drain(..) {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gshell_service::rt;

    #[test]
    fn a_writer_waits_for_its_client_and_only_for_it() {
        let hub = Hub::new(None);
        hub.write(1, &vec![0; HIGH_WATER + 1]);
        assert!(!hub.congested(), "nobody is attached");
        let client = hub.attach(None);
        hub.write(1, &vec![0; HIGH_WATER + 1]);
        assert!(hub.congested());
        let got = rt::block_on(async {
            let writer = rt::spawn(hub.drained());
            let mut got = 0;
            while got < HIGH_WATER + 1 {
                if let Next::Output(1, bytes) = hub.next(client).await {
                    got += bytes.len();
                }
            }
            writer.await;
            got
        });
        assert_eq!(got, HIGH_WATER + 1);
        assert!(!hub.congested());
    }

    #[test]
    fn the_streams_keep_their_order_and_the_end_comes_last() {
        let hub = Hub::new(None);
        let client = hub.attach(Some((80, 24)));
        hub.write(1, b"a");
        hub.write(1, b"b");
        hub.write(2, b"c");
        hub.finish(Finished {
            exit: gshell_control::Exit::Ok,
            code: Some(0),
            signal: None,
            error: None,
        });
        rt::block_on(async {
            assert!(matches!(hub.next(client).await, Next::Output(1, bytes) if bytes == b"ab"));
            assert!(matches!(hub.next(client).await, Next::Output(2, bytes) if bytes == b"c"));
            assert!(matches!(hub.next(client).await, Next::Finished(_)));
            let second = hub.attach(None);
            assert!(matches!(hub.next(client).await, Next::Replaced));
            assert_ne!(client, second);
        });
        assert_eq!(hub.tail(), "abc");
    }

    #[test]
    fn the_tail_keeps_the_end() {
        let hub = Hub::new(None);
        hub.write(1, &vec![b'x'; 3 * EXIT_TAIL as usize]);
        hub.write(1, b"end");
        assert_eq!(hub.tail().len(), EXIT_TAIL as usize);
        assert!(hub.tail().ends_with("xend"));
    }
}
