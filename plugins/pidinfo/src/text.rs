//! Short texts that need no memory of their own.

use gshell_plugin_sdk::{Argument, Call, Result, Returned, Shape};

/// At most `N` bytes of text as the kernel gives it, which need not be UTF-8; the rest is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name<const N: usize> {
    bytes: [u8; N],
    len: u8,
}

impl<const N: usize> Name<N> {
    /// The first `N` bytes.
    pub fn new(text: &[u8]) -> Name<N> {
        const { assert!(N <= u8::MAX as usize) };
        let mut bytes = [0; N];
        let len = text.len().min(N);
        bytes[..len].copy_from_slice(&text[..len]);
        Name {
            bytes,
            len: len as u8,
        }
    }

    /// The text.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len.into()]
    }
}

impl<const N: usize> Returned for Name<N> {
    const SHAPE: Shape = Shape::Word("string");

    fn put(self, call: &mut Call<'_>) -> Result<()> {
        self.bytes().put(call)
    }
}

/// Fields of tables go both ways.
impl<'c, const N: usize> Argument<'c> for Name<N> {
    const SHAPE: Shape = Shape::Word("string");

    fn take(call: &Call<'c>, n: u32) -> Result<Self> {
        <&[u8]>::take(call, n).map(Name::new)
    }
}

/// Whether a pattern fits all of a name: `*` is any number of bytes, `?` is one.
pub fn fits(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    // Where to go on when it does not fit: after the last star, one byte later than the last time.
    let mut retry = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p + 1, n));
                p += 1;
            }
            Some(byte) if *byte == b'?' || *byte == name[n] => {
                p += 1;
                n += 1;
            }
            _ => {
                let Some((after, from)) = retry else {
                    return false;
                };
                retry = Some((after, from + 1));
                (p, n) = (after, from + 1);
            }
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut() {
        assert_eq!(Name::<3>::new(b"abcd").bytes(), b"abc");
        assert_eq!(Name::<3>::new(b"").bytes(), b"");
    }

    #[test]
    fn patterns() {
        for (pattern, name, expected) in [
            ("sh", "sh", true),
            ("sh", "bash", false),
            ("*sh", "bash", true),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("kworker*", "kworker/0:1", true),
            ("k*/*:1", "kworker/0:0:1", true),
            ("k*/*:2", "kworker/0:0:1", false),
            ("??", "sh", true),
            ("??", "s", false),
            ("a*b?", "aXbbb", true),
            ("[a]", "a", false),
        ] {
            assert_eq!(
                fits(pattern.as_bytes(), name.as_bytes()),
                expected,
                "{pattern} {name}"
            );
        }
    }
}
