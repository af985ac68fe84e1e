//! Bytes as text in JSON: base64 with the usual alphabet (RFC 4648, section 4).

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Appends `bytes` as base64, padded.
pub fn encode(bytes: &[u8], out: &mut String) {
    for part in bytes.chunks(3) {
        let byte = |at: usize| u32::from(part.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let digit = ALPHABET[(bits >> (18 - 6 * at) & 63) as usize];
            out.push(if at <= part.len() { char::from(digit) } else { '=' });
        }
    }
}

/// The bytes of a base64 text, padded or not; `None` when it is none.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    let padding = text.len() - digits.len();
    let missing = (4 - digits.len() % 4) % 4;
    if missing == 3 || (padding != 0 && padding != missing) {
        return None;
    }
    let mut out = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    let (mut bits, mut count) = (0_u32, 0);
    for digit in digits.bytes() {
        let value = ALPHABET.iter().position(|known| *known == digit)?;
        bits = (bits << 6 | value as u32) & 0xffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count & 0xff) as u8);
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways() {
        for (bytes, text) in [
            (&b""[..], ""),
            (b"f", "Zg=="),
            (b"fo", "Zm8="),
            (b"foo", "Zm9v"),
            (b"foob", "Zm9vYg=="),
            (&[0xff, 0xfe, 0xfd, 0], "//79AA=="),
        ] {
            let mut out = String::new();
            encode(bytes, &mut out);
            assert_eq!(out, text);
            assert_eq!(decode(text).as_deref(), Some(bytes));
            assert_eq!(decode(text.trim_end_matches('=')).as_deref(), Some(bytes));
        }
        let all: Vec<u8> = (0..=255).collect();
        let mut out = String::new();
        encode(&all, &mut out);
        assert_eq!(decode(&out), Some(all));
    }

    #[test]
    fn what_is_none() {
        for text in [
            "A", "AAAAA", "Zg=", "Zm8==", "Zm9v=", "Zg==Zg==", "Z g=", "Zm9-", "ä", "====",
        ] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
