//! The standard streams of an environment.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;

use gshell_service::rt;

use crate::sync::Notify;

/// Bytes of standard input that are kept for a script that does not read.
pub const INPUT_ROOM: usize = 64 << 10;

/// Which output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// Where a script's output goes. Called on the environment's thread.
pub trait Output {
    /// Takes the bytes; never waits, never fails: what cannot be written is the output's affair.
    fn write(&self, stream: Stream, bytes: &[u8]);
    /// Whether the reader is behind, so that the script shall wait for [`Output::drained`] before it goes on.
    fn congested(&self) -> bool;
    /// Ends when the output is not congested.
    fn drained(&self) -> Pin<Box<dyn Future<Output = ()>>>;
    /// Columns and rows, if the output is a terminal.
    fn terminal(&self) -> Option<(u16, u16)>;
    /// Called at the end of each turn of the environment: the moment to pass on what was gathered.
    fn flush(&self) {}
}

/// Standard input: bytes pushed by whoever has them, read by the script.
#[derive(Clone, Default)]
pub struct Input(Rc<Buffer>);

#[derive(Default)]
struct Buffer {
    bytes: RefCell<VecDeque<u8>>,
    ended: Cell<bool>,
    changed: Notify,
}

impl Input {
    /// Empty, and open.
    pub fn new() -> Input {
        Input::default()
    }

    /// Without content: reads give the end at once.
    pub fn empty() -> Input {
        let input = Input::new();
        input.end();
        input
    }

    /// Adds bytes. Takes all of them; ask [`Input::room`] first to keep to the bound. Ignored after the end.
    pub fn push(&self, bytes: &[u8]) {
        if !self.0.ended.get() {
            self.0.bytes.borrow_mut().extend(bytes);
            self.0.changed.notify();
        }
    }

    /// Nothing more will come.
    pub fn end(&self) {
        self.0.ended.set(true);
        self.0.changed.notify();
    }

    /// Whether fewer than [`INPUT_ROOM`] bytes wait to be read.
    pub fn room(&self) -> bool {
        self.0.bytes.borrow().len() < INPUT_ROOM
    }

    /// Waits until there is room.
    pub async fn wait_room(&self) {
        self.0.changed.until(|| self.room().then_some(())).await;
    }

    /// All that is there, as soon as there is anything; `None` at the end.
    pub async fn read(&self) -> Option<Vec<u8>> {
        self.0.changed.until(|| self.take()).await
    }

    fn take(&self) -> Option<Option<Vec<u8>>> {
        let taken: Vec<u8> = std::mem::take(&mut *self.0.bytes.borrow_mut()).into();
        if !taken.is_empty() {
            self.0.changed.notify();
            return Some(Some(taken));
        }
        self.0.ended.get().then_some(None)
    }

    /// This process's standard input, read ahead as far as there is room. Needs the executor of this thread.
    ///
    /// It is read by the blocking pool: a terminal cannot be made non-blocking without its other users noticing.
    pub fn from_stdin() -> Input {
        let input = Input::new();
        let to = input.clone();
        rt::spawn(async move {
            while let Ok(bytes) = rt::unblock(read_stdin).await
                && !bytes.is_empty()
            {
                to.push(&bytes);
                to.wait_room().await;
            }
            to.end();
        })
        .detach();
        input
    }
}

fn read_stdin() -> io::Result<Vec<u8>> {
    use std::io::Read;
    let mut bytes = vec![0; 16 << 10];
    let n = io::stdin().lock().read(&mut bytes)?;
    bytes.truncate(n);
    Ok(bytes)
}
