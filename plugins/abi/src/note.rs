//! The note in the file, which tells who a plugin is to whoever only reads the file.

use crate::ABI;

/// Who owns the note, with the zero behind the name.
pub const NOTE_OWNER: [u8; 8] = *b"gshell\0\0";
/// The note's type.
pub const NOTE_TYPE: u32 = 1;
/// Bytes of its body.
pub const NOTE_BODY: u32 = 104;
/// Bytes for the name in it, one zero at least among them.
pub const NOTE_NAME: usize = 64;
/// Bytes for the version in it, one zero at least among them.
pub const NOTE_VERSION: usize = 32;

/// An ELF note in section `.note.gshell`. In a file of another machine its numbers are of that machine's byte order.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Note {
    /// 7: `gshell` and its zero.
    pub owner_size: u32,
    /// [`NOTE_BODY`].
    pub body_size: u32,
    /// [`NOTE_TYPE`].
    pub kind: u32,
    /// [`NOTE_OWNER`].
    pub owner: [u8; 8],
    /// [`ABI`].
    pub abi: u16,
    /// The smallest minor of a host that the plugin can live with.
    pub needs: u16,
    /// 0.
    pub reserved: u32,
    /// Its name, with zeros behind it.
    pub name: [u8; NOTE_NAME],
    /// Its version, with zeros behind it.
    pub version: [u8; NOTE_VERSION],
}

impl Note {
    /// The note of a plugin. A name or version that is too long does not compile as a constant.
    pub const fn new(name: &str, version: &str) -> Note {
        Note {
            owner_size: 7,
            body_size: NOTE_BODY,
            kind: NOTE_TYPE,
            owner: NOTE_OWNER,
            abi: ABI,
            needs: 0,
            reserved: 0,
            name: padded(name),
            version: padded(version),
        }
    }
}

const fn padded<const N: usize>(text: &str) -> [u8; N] {
    let bytes = text.as_bytes();
    assert!(bytes.len() < N, "too long for a note");
    let mut out = [0; N];
    let mut at = 0;
    while at < bytes.len() {
        out[at] = bytes[at];
        at += 1;
    }
    out
}
