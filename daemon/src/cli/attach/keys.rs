//! The two keys that detach, found in what is typed.

use gshell_sys::term::{CTRL_P, CTRL_Q};

/// Whether the first of the keys is waiting for the second.
#[derive(Debug, Default)]
pub struct Keys {
    held: bool,
}

impl Keys {
    /// Appends to `out` what goes to the script; `true` when the keys were typed, and what follows them is dropped.
    pub fn take(&mut self, typed: &[u8], out: &mut Vec<u8>) -> bool {
        for byte in typed {
            match (self.held, *byte) {
                (true, CTRL_Q) => return true,
                // Typed twice, one of them is for the script.
                (true, CTRL_P) => out.push(CTRL_P),
                (true, other) => {
                    self.held = false;
                    out.extend([CTRL_P, other]);
                }
                (false, CTRL_P) => self.held = true,
                (false, other) => out.push(other),
            }
        }
        false
    }

    /// Nothing more is typed: what was held back is for the script.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.held) {
            out.push(CTRL_P);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(pieces: &[&[u8]]) -> (Vec<u8>, bool) {
        let (mut keys, mut out) = (Keys::default(), Vec::new());
        for piece in pieces {
            if keys.take(piece, &mut out) {
                return (out, true);
            }
        }
        keys.end(&mut out);
        (out, false)
    }

    #[test]
    fn both_keys_detach_also_apart() {
        assert_eq!(typed(&[b"ab\x10\x11cd"]), (b"ab".to_vec(), true));
        assert_eq!(typed(&[b"ab\x10", b"\x11"]), (b"ab".to_vec(), true));
        assert_eq!(typed(&[b"\x10\x10\x11"]), (b"\x10".to_vec(), true));
    }

    #[test]
    fn either_alone_is_input() {
        assert_eq!(typed(&[b"a\x11b"]), (b"a\x11b".to_vec(), false));
        assert_eq!(typed(&[b"a\x10", b"b"]), (b"a\x10b".to_vec(), false));
        assert_eq!(typed(&[b"a\x10"]), (b"a\x10".to_vec(), false));
        assert_eq!(typed(&[b"line\n"]), (b"line\n".to_vec(), false));
    }
}
