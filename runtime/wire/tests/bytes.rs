//! Bytes that are shared instead of copied: what is sent, what is read, and that nothing else changes.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use gshell_wire::{Bytes, Parts, SHARE_FROM, decode, encode, gather, lend};
use serde::{Deserialize, Serialize, Serializer};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Sent {
    name: String,
    first: Bytes,
    list: Vec<Bytes>,
    last: u32,
}

fn long(fill: u8) -> Vec<u8> {
    vec![fill; SHARE_FROM]
}

fn sent(first: Bytes, list: Vec<Bytes>) -> Sent {
    let name = "x".to_owned();
    Sent {
        name,
        first,
        list,
        last: 70_000,
    }
}

fn encoded<T: Serialize>(value: &T) -> Vec<u8> {
    let mut out = Vec::new();
    encode(value, &mut out).unwrap();
    out.shrink_to_fit();
    out
}

/// What a transport writes.
fn whole(out: &[u8], parts: &Parts) -> Vec<u8> {
    let (mut all, mut from) = (Vec::new(), 0);
    for (at, part) in parts {
        all.extend_from_slice(&out[from..*at]);
        all.extend_from_slice(part);
        from = *at;
    }
    all.extend_from_slice(&out[from..]);
    all
}

fn while_lent<T>(buffer: &Arc<Vec<u8>>, read: impl FnOnce() -> T) -> T {
    let lending = lend(Arc::clone(buffer));
    assert_eq!(lending.bytes().as_ptr(), buffer.as_ptr());
    read()
}

fn gathered<T: Serialize>(value: &T) -> (Vec<u8>, Parts) {
    let mut out = b"before".to_vec();
    let (done, parts) = gather(&mut out, |out| encode(value, out));
    done.unwrap();
    let parts = parts.unwrap_or_default();
    assert_eq!(whole(&out, &parts)[6..], encoded(value));
    (out, parts)
}

#[test]
fn bytes_are_what_they_were_made_of() {
    for bytes in [vec![], vec![1, 2], long(3)] {
        let own = Bytes::from(bytes.clone());
        let shared = Bytes::shared(bytes.clone());
        assert_eq!((&*own, &own), (&*bytes, &shared));
        assert_eq!(own.cmp(&shared), std::cmp::Ordering::Equal);
        assert_eq!(format!("{own:?}"), format!("{bytes:?}"));
        assert_eq!(encoded(&own), encoded(&shared));
        assert_eq!(encoded(&own), encoded(&serde_bytes::ByteBuf::from(bytes.clone())));
        let at = shared.as_ptr();
        let clone = shared.clone();
        assert_eq!(clone.into_vec(), bytes);
        // The last one that holds them needs no copy.
        let alone = shared.into_vec();
        assert_eq!((alone.as_ptr(), alone), (at, bytes.clone()));
        assert_eq!(own.into_vec(), bytes);
    }
    assert_eq!(Bytes::new(), Bytes::default());
}

#[test]
fn long_shared_bytes_are_not_copied_when_they_are_sent() {
    let (a, b) = (Bytes::shared(long(1)), Bytes::shared(long(2)));
    let (out, parts) = gathered(&sent(a.clone(), vec![b.clone(), a.clone()]));
    assert!(out.len() < 40, "{}", out.len());
    let lie: Vec<_> = parts.iter().map(|(_, part)| part.as_ptr()).collect();
    assert_eq!(lie, [a.as_ptr(), b.as_ptr(), a.as_ptr()]);
    // Short ones, and those of one owner, are.
    let short = Bytes::shared(long(1)[1..].to_vec());
    for copied in [short, Bytes::from(long(1))] {
        assert!(gathered(&sent(copied, vec![])).1.is_empty());
    }
}

/// Encodes another message while it is encoded itself.
struct Nested(Bytes);

impl Serialize for Nested {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (plain, (mut out, parts)) = (encoded(&self.0), gathered(&self.0));
        assert_eq!((parts.len(), plain.len()), (1, out.len() - 6 + SHARE_FROM));
        out.clear();
        (Bytes::from(plain), &self.0).serialize(serializer)
    }
}

struct Panics(Bytes);

impl Serialize for Panics {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let _ = self.0.serialize(serializer)?;
        panic!("on purpose")
    }
}

#[test]
fn encoders_do_not_disturb_each_other() {
    let shared = Bytes::shared(long(4));
    assert_eq!(gathered(&Nested(shared.clone())).1.len(), 1);
    let mut out = Vec::new();
    let panic = catch_unwind(AssertUnwindSafe(|| {
        gather(&mut out, |out| encode(&Panics(shared.clone()), out)).0
    }));
    assert!(panic.is_err());
    // The same buffer, by an encoder that does not gather.
    out.clear();
    encode(&shared, &mut out).unwrap();
    assert_eq!(out, encoded(&shared));
    assert_eq!(gathered(&shared).1.len(), 1);
    assert!(shared.clone().into_vec() == long(4));
    drop(out);
    // Nobody holds it any more.
    let (at, alone) = (shared.as_ptr(), shared.into_vec());
    assert_eq!(alone.as_ptr(), at);
}

#[test]
fn long_bytes_stay_in_a_buffer_that_is_lent() {
    let message = sent(
        Bytes::from(long(5)),
        vec![Bytes::from(long(6)), Bytes::from(vec![7; 100])],
    );
    let buffer = Arc::new(encoded(&message));
    let range = buffer.as_ptr_range();
    let inside = |bytes: &Bytes| range.contains(&bytes.as_ptr());
    let plain: Sent = decode(&buffer).unwrap();
    assert!(!inside(&plain.first) && Arc::strong_count(&buffer) == 1);
    let read: Sent = while_lent(&buffer, || decode(&buffer)).unwrap();
    assert_eq!((&read, &plain), (&message, &message));
    assert!(inside(&read.first) && inside(&read.list[0]) && !inside(&read.list[1]));
    assert_eq!(Arc::strong_count(&buffer), 3);
    // A part is no whole, so it is copied.
    assert_eq!(read.first.clone().into_vec(), long(5));
    drop(read);
    assert_eq!(Arc::strong_count(&buffer), 1);
    // Bytes from elsewhere are copied, and when the buffer is no longer lent, all are.
    let other = buffer.to_vec();
    let copied: Sent = while_lent(&buffer, || decode(&other)).unwrap();
    let later: Sent = decode(&buffer).unwrap();
    assert!(copied == later && Arc::strong_count(&buffer) == 1);
}

#[test]
fn short_bytes_hold_no_long_buffer() {
    let mut buffer = encoded(&Bytes::from(long(8)));
    let len = buffer.len();
    buffer.resize(4 * SHARE_FROM + 4, 0);
    buffer.shrink_to_fit();
    let buffer = Arc::new(buffer);
    let read: Bytes = while_lent(&buffer, || decode(&buffer[..len])).unwrap();
    assert_eq!((read, Arc::strong_count(&buffer)), (Bytes::from(long(8)), 1));
}

#[test]
fn a_panic_ends_the_loan() {
    let buffer = Arc::new(encoded(&Bytes::from(long(9))));
    let panic = catch_unwind(AssertUnwindSafe(|| while_lent(&buffer, || panic!("on purpose"))));
    assert!(panic.is_err());
    assert_eq!(Arc::strong_count(&buffer), 1);
    let copied: Bytes = decode(&buffer).unwrap();
    assert_eq!((copied.len(), Arc::strong_count(&buffer)), (SHARE_FROM, 1));
}
