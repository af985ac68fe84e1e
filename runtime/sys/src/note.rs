//! Last words of a process: which environment and whose code was at work when it went.
//!
//! A note has a fixed size and goes to a descriptor that was opened beforehand, because a signal handler can do little more
//! than write and end. Whoever starts the process again reads it.

use std::io;
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd};
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};

use crate::crash::{self, TEXT_MAX};
use crate::slice::{self, ID_LEN};

/// Bytes of a note.
pub const LEN: usize = HEAD + 2 * TEXT_MAX;

/// What stands before the texts: the ID, the reason, the signal, and the lengths of the texts.
const HEAD: usize = ID_LEN + 4;

/// In place of an ID: no environment.
const NOBODY: [u8; ID_LEN] = [0; ID_LEN];

static FD: AtomicI32 = AtomicI32::new(-1);

/// Why a process ended, or was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It was in C code (a pattern, a finalizer, a plugin) that did not return, where no hook reaches.
    InC,
    /// It was in Lua code that cannot yield, and did not unwind when it got errors either.
    NotYieldable,
    /// It did not end when it was told to.
    Unstoppable,
    /// Code of a plugin was ended by this signal, numbered as on this machine.
    Crash(u8),
}

/// Whose code ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whose {
    /// The owner, as it is marked: see [`crash::Owner`].
    pub owner: String,
    /// The part of it.
    pub part: String,
}

/// What a note says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The environment on whose behalf it was, as far as that is known.
    pub id: Option<[u8; ID_LEN]>,
    /// Why.
    pub reason: Reason,
    /// Whose code it was, when it was marked.
    pub whose: Option<Whose>,
}

/// Where notes go. `fd` stays open for the rest of the process; it is written at offset 0. Without it, no notes are left.
///
/// # Errors
/// When the descriptor cannot be written at an offset.
pub fn register(fd: OwnedFd) -> io::Result<()> {
    // SAFETY: a write of zero bytes from a valid pointer; it tells whether the descriptor takes positioned writes.
    let rc = unsafe { libc::pwrite(fd.as_raw_fd(), [0u8; 0].as_ptr().cast(), 0, 0) };
    if rc < 0 {
        return Err(io::Error::last_os_error());
    }
    // The previous one, if any, is left open: the handler of another thread may be using it.
    FD.store(fd.into_raw_fd(), Relaxed);
    Ok(())
}

/// Whether notes can be left. Async-signal-safe.
pub(crate) fn is_registered() -> bool {
    FD.load(Relaxed) >= 0
}

/// Leaves a note about this thread. Async-signal-safe: a buffer on the stack, the thread's marks, and one write.
pub(crate) fn leave(id: Option<[u8; ID_LEN]>, reason: Reason) {
    let fd = FD.load(Relaxed);
    if fd < 0 {
        return;
    }
    let whose = crash::running().map(|(owner, part)| (owner.text().as_bytes(), part.as_bytes()));
    let bytes = put(id, reason, whose);
    // SAFETY: pwrite is async-signal-safe; the buffer is valid for its length.
    unsafe { libc::pwrite(fd, bytes.as_ptr().cast(), bytes.len(), 0) };
}

/// The environment that this thread works for, if any: whoever called a service's handler in the midst of a script is not the
/// one that the handler works for. Async-signal-safe.
pub(crate) fn whom() -> Option<[u8; ID_LEN]> {
    crash::behalf().or_else(slice::running_id)
}

/// A note as bytes. Async-signal-safe.
fn put(id: Option<[u8; ID_LEN]>, reason: Reason, whose: Option<(&[u8], &[u8])>) -> [u8; LEN] {
    let mut out = [0; LEN];
    let (kind, signal) = match reason {
        Reason::InC => (1, 0),
        Reason::NotYieldable => (2, 0),
        Reason::Unstoppable => (3, 0),
        Reason::Crash(signal) => (4, signal),
    };
    let (owner, part) = whose.unwrap_or_default();
    let (owner, part) = (cut(owner), cut(part));
    let (head, texts) = out.split_at_mut(HEAD);
    head[..ID_LEN].copy_from_slice(&id.unwrap_or(NOBODY));
    head[ID_LEN..].copy_from_slice(&[kind, signal, owner.len() as u8, part.len() as u8]);
    texts[..owner.len()].copy_from_slice(owner);
    texts[owner.len()..owner.len() + part.len()].copy_from_slice(part);
    out
}

fn cut(text: &[u8]) -> &[u8] {
    &text[..text.len().min(TEXT_MAX)]
}

impl Note {
    /// The note as bytes; texts that are too long are cut.
    pub fn encode(&self) -> [u8; LEN] {
        let whose = self.whose.as_ref();
        let whose = whose.map(|whose| (whose.owner.as_bytes(), whose.part.as_bytes()));
        put(self.id, self.reason, whose)
    }

    /// Reads a note; `None` when it is not one.
    pub fn parse(bytes: &[u8]) -> Option<Note> {
        let bytes: &[u8; LEN] = bytes.try_into().ok()?;
        let (head, texts) = bytes.split_at(HEAD);
        let (id, rest) = head.split_first_chunk::<ID_LEN>()?;
        let &[kind, signal, owner, part] = rest else {
            return None;
        };
        let reason = match (kind, signal) {
            (1, 0) => Reason::InC,
            (2, 0) => Reason::NotYieldable,
            (3, 0) => Reason::Unstoppable,
            (4, 1..) => Reason::Crash(signal),
            _ => return None,
        };
        let (owner, part) = (usize::from(owner), usize::from(part));
        if owner > TEXT_MAX || part > TEXT_MAX || texts[owner + part..].iter().any(|byte| *byte != 0) {
            return None;
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let whose = (owner > 0).then(|| Whose {
            owner: text(&texts[..owner]),
            part: text(&texts[owner..owner + part]),
        });
        let id = (*id != NOBODY).then_some(*id);
        Some(Note { id, reason, whose })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crash() -> Note {
        Note {
            id: Some(*b"0123456789ab"),
            reason: Reason::Crash(6),
            whose: Some(Whose {
                owner: "echo 12-0000ab01".to_owned(),
                part: "abort".to_owned(),
            }),
        }
    }

    #[test]
    fn notes_read_back() {
        let mut note = crash();
        assert_eq!(Note::parse(&note.encode()), Some(note.clone()));
        note.whose = None;
        note.id = None;
        for reason in [Reason::InC, Reason::NotYieldable, Reason::Unstoppable] {
            note.reason = reason;
            assert_eq!(Note::parse(&note.encode()), Some(note.clone()));
        }
        let mut long = crash();
        long.whose = Some(Whose {
            owner: "o".repeat(300),
            part: "p".repeat(300),
        });
        let read = Note::parse(&long.encode()).unwrap().whose.unwrap();
        assert_eq!((read.owner.len(), read.part.len()), (TEXT_MAX, TEXT_MAX));
    }

    #[test]
    fn only_whole_notes_count() {
        let good = crash().encode();
        assert_eq!(Note::parse(&good[1..]), None);
        assert_eq!(Note::parse(&[]), None);
        assert_eq!(Note::parse(&[0; LEN]), None);
        // A reason that there is not, a signal without a crash, a crash without a signal, lengths that lie, a rest.
        for (at, value) in [
            (ID_LEN, 9),
            (ID_LEN, 1),
            (ID_LEN + 1, 0),
            (ID_LEN + 2, 255),
            (ID_LEN + 3, 0),
            (LEN - 1, 1),
        ] {
            let mut bad = good;
            bad[at] = value;
            assert_eq!(Note::parse(&bad), None, "{at}");
        }
    }
}
