//! What the message of a number holds. `tests/fleet/peer_lua/values.lua` computes the same.

use gshell_wire::Bytes;

use crate::messages::{All, Big, Choice, Inner};

const PIECES: [&str; 6] = ["grüß", "漢字", "🦀", "a\0b", "\"\\\n", "x"];

/// Bytes of a big message, in words of eight, and repetitions of its text.
const BIG_WORDS: u64 = 12_000;
const BIG_TEXTS: usize = 3_000;

/// Scatters the bits of a number (the finaliser of SplitMix64).
fn mix(n: u64) -> u64 {
    let n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

/// The number for place `at` of message `n`; of every eight messages three are the ends of the ranges.
fn draw(n: u64, at: u64) -> u64 {
    match n % 8 {
        0 => u64::MAX,
        1 => 0x8000_0000_8000_8080,
        2 => 0,
        _ => mix(n.wrapping_mul(64).wrapping_add(at)),
    }
}

/// `at` modulo `count`, also for the ends of the ranges something that differs.
fn pick(n: u64, at: u64, count: u64) -> u64 {
    mix(n.wrapping_mul(64).wrapping_add(at)) % count
}

/// A number of 24 bits and a power of two: exact in 32 bits, whoever computes it.
fn f32_of(bits: u64) -> f32 {
    let mantissa = (bits & 0xff_ffff) as i32 - 0x80_0000;
    let exponent = (bits >> 32 & 63) as u32 + 127 - 32;
    mantissa as f32 * f32::from_bits(exponent << 23)
}

fn f64_of(n: u64) -> f64 {
    match n % 8 {
        0 => f64::INFINITY,
        1 => -0.0,
        2 => f64::NAN,
        3 => f64::from_bits(1),
        _ => {
            let bits = draw(n, 11);
            let exponent = (bits >> 52 & 0x3ff) + 0x200;
            f64::from_bits(bits & 0x800f_ffff_ffff_ffff | exponent << 52)
        }
    }
}

fn piece(n: u64, at: u64) -> &'static str {
    PIECES[pick(n, at, 6) as usize]
}

fn words(n: u64, at: u64, count: u64) -> Vec<u8> {
    let word = |i| mix(n.wrapping_mul(64).wrapping_add(at).wrapping_add(i)).to_be_bytes();
    (0..count).flat_map(word).collect()
}

/// Message `n`.
pub fn all(n: u64) -> All {
    let text = (0..pick(n, 12, 5)).map(|i| piece(n, 13 + i)).collect::<String>();
    let mut bytes = words(n, 20, 6);
    bytes.truncate(pick(n, 19, 48) as usize);
    let option = pick(n, 45, 9);
    All {
        n,
        flag: draw(n, 1) & 1 == 1,
        i8: draw(n, 2) as i8,
        i16: draw(n, 3) as i16,
        i32: draw(n, 4) as i32,
        i64: draw(n, 5) as i64,
        u8: draw(n, 6) as u8,
        u16: draw(n, 7) as u16,
        u32: draw(n, 8) as u32,
        u64: draw(n, 9),
        f32: f32_of(draw(n, 10)),
        f64: f64_of(n),
        text: format!("{text}{n}"),
        bytes: Bytes::from(bytes),
        list: (0..pick(n, 30, 5)).map(|i| draw(n, 31 + i) as i64).collect(),
        map: (0..pick(n, 36, 4))
            .map(|i| (format!("k{i}"), draw(n, 37 + i)))
            .collect(),
        ids: (0..pick(n, 40, 4))
            .map(|i| (i as u32 * 1_000_003, piece(n, 41 + i).to_owned()))
            .collect(),
        option: (option > 3).then_some(option as f64 * 0.5),
        pair: (draw(n, 46) as u8, piece(n, 47).to_owned()),
        choice: match n % 3 {
            0 => Choice::Off,
            1 => Choice::On(draw(n, 48) as i32),
            _ => Choice::At {
                x: draw(n, 49) as i64,
                y: f32_of(draw(n, 50)),
            },
        },
        inner: (0..pick(n, 51, 4))
            .map(|i| Inner {
                name: piece(n, 52 + i).to_owned(),
                value: (i != 1).then(|| draw(n, 56 + i) as i32),
            })
            .collect(),
    }
}

/// Big message `n`.
pub fn big(n: u64) -> Big {
    Big {
        n,
        bytes: Bytes::from(words(n, 0, BIG_WORDS)),
        text: format!("{}{n}", PIECES[0]).repeat(BIG_TEXTS),
    }
}

/// The first field of `got` that is not as in message `n`. Floats are compared by their bits, so that the zeros differ;
/// only what is not a number has no bits that mean anything.
pub fn wrong_field(got: &All, n: u64) -> Option<&'static str> {
    let want = all(n);
    macro_rules! compare {
        ($($field:ident)*) => {
            $(if got.$field != want.$field {
                return Some(stringify!($field));
            })*
        };
    }
    compare!(n flag i8 i16 i32 i64 u8 u16 u32 u64 text bytes list map ids option pair choice inner);
    if got.f32.to_bits() != want.f32.to_bits() {
        return Some("f32");
    }
    let is_same = got.f64.to_bits() == want.f64.to_bits() || got.f64.is_nan() && want.f64.is_nan();
    (!is_same).then_some("f64")
}
