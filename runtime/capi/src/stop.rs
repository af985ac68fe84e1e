//! Stopping a server from any thread, and from a signal handler.
//!
//! A signal handler may neither lock nor allocate. So what it needs is in a fixed table of atomics: it finds the server's
//! slot and writes a byte into the slot's pipe, which the server's executor waits for. A pipe stays with its slot for as
//! long as the process lives, so a signal that comes late never writes into a descriptor that became another's.

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use gshell_service::rt::Io;
use gshell_wire::{Code, Fault};

/// Servers that a process has at most.
pub const MOST_SERVERS: usize = 64;

/// A slot that nobody has.
const FREE: usize = 0;
/// A slot that is taken and whose server has no handle yet; no handle is this number.
const TAKEN: usize = 1;

struct Entry {
    /// The handle of the server.
    handle: AtomicUsize,
    fired: AtomicBool,
    pipe: OnceLock<(PipeReader, PipeWriter)>,
}

static SLOTS: [Entry; MOST_SERVERS] = [const {
    Entry {
        handle: AtomicUsize::new(FREE),
        fired: AtomicBool::new(false),
        pipe: OnceLock::new(),
    }
}; MOST_SERVERS];

/// The slot of one server.
#[derive(Debug)]
pub struct Slot(usize);

impl Slot {
    /// Takes a slot.
    ///
    /// # Errors
    /// `Limit` when there are too many servers or descriptors.
    pub fn take() -> Result<Slot, Fault> {
        let free = |entry: &Entry| {
            let taken = entry
                .handle
                .compare_exchange(FREE, TAKEN, Ordering::SeqCst, Ordering::SeqCst);
            taken.is_ok()
        };
        let Some(at) = SLOTS.iter().position(free) else {
            let text = format!("this process has {MOST_SERVERS} servers, the limit");
            return Err(Fault::new(Code::Limit, text));
        };
        let slot = Slot(at);
        let entry = slot.entry();
        if entry.pipe.get().is_none() {
            let pipe = io::pipe().map_err(|error| Fault::new(Code::Limit, "no pipe").with_cause(error))?;
            // Whoever has the slot is alone with it.
            let _ = entry.pipe.set(pipe);
        }
        entry.fired.store(false, Ordering::SeqCst);
        Ok(slot)
    }

    fn entry(&self) -> &'static Entry {
        &SLOTS[self.0]
    }

    /// Says by which handle the server is known.
    pub fn name(&self, handle: usize) {
        self.entry().handle.store(handle, Ordering::SeqCst);
    }

    /// Stops the server.
    pub fn fire(&self) {
        self.entry().fire();
    }

    /// Whether it was stopped.
    pub fn is_fired(&self) -> bool {
        self.entry().fired.load(Ordering::SeqCst)
    }

    /// Waits until it is stopped, on an executor thread.
    ///
    /// # Errors
    /// When descriptors have run out.
    pub async fn fired(&self) -> io::Result<()> {
        let Some((reader, _)) = self.entry().pipe.get() else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let reader = Io::new(reader.try_clone()?)?;
        while !self.is_fired() {
            // A byte without the flag was meant for a server that had the slot before.
            let mut byte = [0];
            reader.read_with(|mut pipe: &PipeReader| pipe.read(&mut byte)).await?;
        }
        Ok(())
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.entry().handle.store(FREE, Ordering::SeqCst);
    }
}

impl Entry {
    fn fire(&self) {
        if !self.fired.swap(true, Ordering::SeqCst)
            && let Some((_, writer)) = self.pipe.get()
        {
            let mut writer = writer;
            // It cannot fail but for a full pipe, and then there is enough in it to be seen.
            let _ = writer.write(&[1]);
        }
    }
}

/// Stops the server with this handle; `false` when there is none. Safe in a signal handler.
pub fn fire(handle: usize) -> bool {
    if handle == FREE || handle == TAKEN {
        return false;
    }
    let is_it = |entry: &&Entry| entry.handle.load(Ordering::SeqCst) == handle;
    match SLOTS.iter().find(is_it) {
        Some(entry) => {
            entry.fire();
            true
        }
        None => false,
    }
}
