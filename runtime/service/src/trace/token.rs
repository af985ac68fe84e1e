//! Numbers of traces and spans, and how they are written.
//!
//! A trace number is 14 random bytes, made when a message type is tagged, and the count of the tagged call among those
//! of the tag: `0f…3a.0`, `0f…3a.1` and so on are the tokens by which the traces are read.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use gshell_sys::random;

/// The random part of the traces of one tag.
pub type Base = [u8; 14];

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    if random::fill(&mut bytes).is_err() {
        // Without a source of randomness the time is the best there is; a clash would only mix two traces.
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let nanos = now.map_or(0, |after| after.as_nanos()).to_be_bytes();
        for (byte, part) in bytes.iter_mut().zip(nanos.iter().rev()) {
            *byte = *part;
        }
    }
    bytes
}

/// A base that no other tag has.
pub fn new_base() -> Base {
    random()
}

/// The trace of the `n`th call of a tag.
pub fn trace_id(base: &Base, n: u16) -> [u8; 16] {
    let mut id = [0; 16];
    id[..14].copy_from_slice(base);
    id[14..].copy_from_slice(&n.to_be_bytes());
    id
}

/// A span that no other step has: a random number of the process and a count.
pub fn new_span() -> [u8; 8] {
    static PROCESS: OnceLock<[u8; 4]> = OnceLock::new();
    static LAST: AtomicU32 = AtomicU32::new(0);
    let mut span = [0; 8];
    span[..4].copy_from_slice(PROCESS.get_or_init(random));
    let n = LAST.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
    span[4..].copy_from_slice(&n.to_be_bytes());
    span
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The token of a trace.
pub fn token(id: &[u8; 16]) -> String {
    let n = u16::from_be_bytes([id[14], id[15]]);
    format!("{}.{n}", hex(&id[..14]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_count_and_differ() {
        let base = [0xab; 14];
        assert_eq!(token(&trace_id(&base, 300)), format!("{}.300", "ab".repeat(14)));
        assert_ne!(new_base(), new_base());
        assert_ne!(new_span(), new_span());
        assert_eq!(new_span()[..4], new_span()[..4]);
    }
}
