//! Descriptors on an executor thread.
//!
//! Edge-triggered: a descriptor counts as ready until a call says `WouldBlock` (or a short read says
//! that it is drained), and then again after its next event. Interest is read only; write interest is
//! added when a write would block and taken away when it fires, because standing write interest costs
//! a third of the throughput.

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use gshell_sys::fdio;
use gshell_sys::poll::{Event, Interest, Poller};

use super::core::Core;

const READ: Interest = Interest {
    read: true,
    write: false,
};
const BOTH: Interest = Interest {
    read: true,
    write: true,
};

/// One direction of a descriptor.
#[derive(Default)]
struct Side {
    blocked: Cell<bool>,
    waiters: Waiters,
}

impl Side {
    fn open(&self) {
        self.blocked.set(false);
        self.waiters.wake();
    }

    fn poll(&self, context: &Context<'_>) -> Poll<()> {
        if !self.blocked.get() {
            return Poll::Ready(());
        }
        self.waiters.add(context.waker());
        Poll::Pending
    }
}

/// Who waits. Mostly that is one task, again and again: its waker is kept, so that nothing is made or freed each time.
#[derive(Default)]
struct Waiters {
    first: RefCell<Option<Waker>>,
    /// The first one waits at the moment.
    waits: Cell<bool>,
    more: RefCell<Vec<Waker>>,
}

impl Waiters {
    fn add(&self, waker: &Waker) {
        let mut first = self.first.borrow_mut();
        let known = first.as_ref().is_some_and(|first| first.will_wake(waker));
        if known || !self.waits.get() {
            self.waits.set(true);
            if !known {
                *first = Some(waker.clone());
            }
            return;
        }
        let mut more = self.more.borrow_mut();
        if !more.iter().any(|known| known.will_wake(waker)) {
            more.push(waker.clone());
        }
    }

    fn wake(&self) {
        if !self.waits.replace(false) {
            return;
        }
        if let Some(first) = &*self.first.borrow() {
            first.wake_by_ref();
        }
        if !self.more.borrow().is_empty() {
            for waker in self.more.take() {
                waker.wake();
            }
        }
    }
}

#[derive(Default)]
struct Source {
    read: Side,
    write: Side,
    /// The poller watches for writes too.
    wide: Cell<bool>,
    /// The end was announced, together with the last bytes: there will be no other edge for it.
    ended: Cell<bool>,
}

/// All descriptors of a thread, by poller key.
pub(super) struct Sources {
    poller: Arc<Poller>,
    by_key: RefCell<Vec<Option<Rc<Source>>>>,
    free: RefCell<Vec<u32>>,
}

impl Sources {
    pub(super) fn new(poller: Arc<Poller>) -> Sources {
        Sources {
            poller,
            by_key: RefCell::default(),
            free: RefCell::default(),
        }
    }

    pub(super) fn deliver(&self, event: Event) {
        let source = self.by_key.borrow().get(event.key as usize).cloned().flatten();
        let Some(source) = source else { return };
        if event.ended {
            source.ended.set(true);
        }
        if event.readable {
            source.read.open();
        }
        if event.writable {
            source.write.open();
        }
    }

    fn insert(&self, source: Rc<Source>) -> u32 {
        let mut by_key = self.by_key.borrow_mut();
        if let Some(key) = self.free.borrow_mut().pop() {
            by_key[key as usize] = Some(source);
            return key;
        }
        by_key.push(Some(source));
        (by_key.len() - 1) as u32
    }

    fn remove(&self, key: u32) {
        if let Some(slot) = self.by_key.borrow_mut().get_mut(key as usize) {
            *slot = None;
            self.free.borrow_mut().push(key);
        }
    }
}

/// A non-blocking descriptor that tasks of one thread can wait for.
pub struct Io<T: AsFd> {
    inner: T,
    source: Rc<Source>,
    core: Rc<Core>,
    key: u32,
}

impl<T: AsFd> Io<T> {
    /// Makes `inner` non-blocking and registers it with the calling thread's executor.
    pub fn new(inner: T) -> io::Result<Io<T>> {
        fdio::set_nonblocking(&inner, true)?;
        let core = Core::current();
        let source = Rc::new(Source::default());
        let key = core.sources.insert(source.clone());
        if let Err(error) = core.sources.poller.add(inner.as_fd(), key, READ) {
            core.sources.remove(key);
            return Err(error);
        }
        Ok(Io {
            inner,
            source,
            core,
            key,
        })
    }

    /// The descriptor's owner.
    pub fn get_ref(&self) -> &T {
        &self.inner
    }

    /// Waits until a read may succeed.
    pub async fn readable(&self) {
        std::future::poll_fn(|context| self.poll_readable(context)).await;
    }

    /// Waits until a write may succeed.
    pub async fn writable(&self) {
        std::future::poll_fn(|context| self.poll_writable(context)).await;
    }

    /// Whether a read may succeed; if not, `context` is woken when one may.
    pub fn poll_readable(&self, context: &Context<'_>) -> Poll<()> {
        self.source.read.poll(context)
    }

    /// Whether a write may succeed; if not, `context` is woken when one may.
    pub fn poll_writable(&self, context: &Context<'_>) -> Poll<()> {
        self.source.write.poll(context)
    }

    /// Whether a read is worth a system call.
    pub fn may_read(&self) -> bool {
        !self.source.read.blocked.get()
    }

    /// Says that the last read took all there was, so that the next one waits for an event first.
    /// Sound for stream sockets and pipes after a short read (epoll(7)).
    pub fn drained(&self) {
        if self.source.ended.get() {
            return;
        }
        self.source.read.blocked.set(true);
    }

    /// Whether the peer has closed its side, also while what it sent is not read yet; if not, `context` is woken when
    /// it does.
    pub fn poll_ended(&self, context: &Context<'_>) -> bool {
        if self.source.ended.get() {
            return true;
        }
        self.source.read.waiters.add(context.waker());
        false
    }

    /// Calls `operation` and notes when it would block. For reads.
    pub fn try_read_with<R>(&self, mut operation: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        // Blocked is set before the call: an edge that arrives meanwhile is not lost, because events
        // are only delivered by the loop, after this returns.
        match operation(&self.inner) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.source.read.blocked.set(true);
                Err(error)
            }
            other => other,
        }
    }

    /// Calls `operation`; when it would block, asks for write interest. For writes.
    pub fn try_write_with<R>(&self, mut operation: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        match operation(&self.inner) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.source.write.blocked.set(true);
                if !self.source.wide.replace(true) {
                    self.core
                        .sources
                        .poller
                        .modify(self.inner.as_fd(), self.key, BOTH)?;
                }
                Err(error)
            }
            Ok(value) => {
                self.narrow()?;
                Ok(value)
            }
            Err(error) => Err(error),
        }
    }

    /// Takes write interest away again after a write went through.
    fn narrow(&self) -> io::Result<()> {
        if self.source.wide.replace(false) {
            self.core
                .sources
                .poller
                .modify(self.inner.as_fd(), self.key, READ)?;
        }
        Ok(())
    }

    /// Repeats `operation` until it does not block. For reads.
    pub async fn read_with<R>(&self, mut operation: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        loop {
            self.readable().await;
            match self.try_read_with(&mut operation) {
                Err(error) if retry(&error) => {}
                other => return other,
            }
        }
    }

    /// Repeats `operation` until it does not block. For writes.
    pub async fn write_with<R>(&self, mut operation: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        loop {
            self.writable().await;
            match self.try_write_with(&mut operation) {
                Err(error) if retry(&error) => {}
                other => return other,
            }
        }
    }

    /// Reads up to `buf.len()` bytes; 0 is end of file.
    pub async fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.read_with(|inner| fdio::read(inner.as_fd(), buf)).await
    }

    /// Writes some of `bytes`.
    pub async fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.write_with(|inner| fdio::write(inner.as_fd(), bytes)).await
    }

    /// Writes all of `bytes`.
    pub async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.write(bytes).await? {
                0 => return Err(ErrorKind::WriteZero.into()),
                n => bytes = &bytes[n..],
            }
        }
        Ok(())
    }
}

fn retry(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

impl<T: AsFd> Drop for Io<T> {
    fn drop(&mut self) {
        // The descriptor is still open here; a failure means that it was never there.
        let _ = self.core.sources.poller.delete(self.inner.as_fd());
        self.core.sources.remove(self.key);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::super::{block_on, spawn};
    use super::*;

    #[test]
    fn bytes_pass_both_ways_even_when_the_socket_is_full() {
        let (left, right) = UnixStream::pair().unwrap();
        let total = 4 << 20;
        let received = block_on(async move {
            let left = Io::new(left).unwrap();
            let right = Io::new(right).unwrap();
            let writer = spawn(async move { left.write_all(&vec![5u8; total]).await.unwrap() });
            let mut received = 0;
            let mut buf = vec![0; 10_000];
            while received < total {
                received += right.read(&mut buf).await.unwrap();
            }
            writer.await;
            received
        });
        assert_eq!(received, total);
    }

    #[test]
    fn end_of_file_reaches_a_waiting_reader() {
        let (left, right) = UnixStream::pair().unwrap();
        let read = block_on(async move {
            let right = Io::new(right).unwrap();
            let reader = spawn(async move { right.read(&mut [0; 8]).await.unwrap() });
            super::super::yield_now().await;
            drop(left);
            reader.await
        });
        assert_eq!(read, 0);
    }
}
