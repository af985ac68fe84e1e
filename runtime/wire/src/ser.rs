//! Values to bytes: postcard, appended straight to the buffer that is going to be written.

use postcard::ser_flavors::Flavor;
use serde::Serialize;

use crate::EncodeError;
use crate::bytes::{SHARE_FROM, append_long};

/// Lets postcard append to a buffer that already holds something; its own flavors own their buffer.
struct Append<'a>(&'a mut Vec<u8>);

impl Flavor for Append<'_> {
    type Output = ();

    #[inline]
    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        match data.len() < SHARE_FROM {
            true => self.0.extend_from_slice(data),
            false => append_long(self.0, data),
        }
        Ok(())
    }

    #[inline]
    fn try_push(&mut self, data: u8) -> postcard::Result<()> {
        self.0.push(data);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

/// Appends the encoded `value` to `out`.
///
/// # Errors
/// When the value cannot be encoded; `out` is then as it was.
pub fn encode<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let start = out.len();
    postcard::serialize_with_flavor(value, Append(out)).map_err(|error| {
        out.truncate(start);
        match error {
            postcard::Error::SerializeSeqLengthUnknown => EncodeError::LengthUnknown,
            _ => EncodeError::Refused,
        }
    })
}

/// Where encoded bytes go when it is not a `Vec`.
pub trait Sink {
    /// Appends; `false` when it cannot take them, which ends the encoding.
    fn append(&mut self, bytes: &[u8]) -> bool;
}

struct Through<'a, S>(&'a mut S);

impl<S: Sink> Flavor for Through<'_, S> {
    type Output = ();

    #[inline]
    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        match self.0.append(data) {
            true => Ok(()),
            false => Err(postcard::Error::SerializeBufferFull),
        }
    }

    #[inline]
    fn try_push(&mut self, data: u8) -> postcard::Result<()> {
        self.try_extend(&[data])
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

/// Appends the encoded `value` to what a sink has already.
///
/// # Errors
/// When the value cannot be encoded, or the sink takes no more; it then has the beginning of the value.
pub fn encode_to<T: Serialize + ?Sized, S: Sink>(value: &T, sink: &mut S) -> Result<(), EncodeError> {
    postcard::serialize_with_flavor(value, Through(sink)).map_err(|error| match error {
        postcard::Error::SerializeSeqLengthUnknown => EncodeError::LengthUnknown,
        _ => EncodeError::Refused,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::ser::{Error, SerializeSeq, Serializer};

    struct Endless;

    impl Serialize for Endless {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_seq(None)?.end()
        }
    }

    struct Grumpy;

    impl Serialize for Grumpy {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(S::Error::custom("no"))
        }
    }

    #[test]
    fn a_failure_leaves_the_buffer_as_it_was() {
        let mut out = vec![7];
        assert_eq!(encode(&(1u8, Endless), &mut out), Err(EncodeError::LengthUnknown));
        assert_eq!(encode(&("text", Grumpy), &mut out), Err(EncodeError::Refused));
        assert_eq!(out, [7]);
        encode("text", &mut out).unwrap();
        assert_eq!(out, b"\x07\x04text");
    }

    /// Takes four bytes.
    struct Short(Vec<u8>);

    impl Sink for Short {
        fn append(&mut self, bytes: &[u8]) -> bool {
            let fits = self.0.len() + bytes.len() <= 4;
            if fits {
                self.0.extend_from_slice(bytes);
            }
            fits
        }
    }

    #[test]
    fn a_sink_gets_the_same_bytes_and_may_be_full() {
        let mut sink = Short(Vec::new());
        encode_to(&(1u8, "ab"), &mut sink).unwrap();
        assert_eq!(sink.0, b"\x01\x02ab");
        assert_eq!(encode_to(&7u8, &mut sink), Err(EncodeError::Refused));
    }
}
