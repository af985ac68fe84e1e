//! `gshell selftest`: known answers, on the machine where the program has to give them.
//!
//! A port to a new processor is wrong in the width of a shift or the order of bytes long before it crashes; this says
//! so in one line for each part.

mod frozen;

use std::hint::black_box;

use gshell_control::{Job, State};
use gshell_sys::{clock, random};
use gshell_wire::{Code, Fault, decode, encode};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::args::{Command, Matches};
use super::failure::{Failure, Outcome};
use super::link::Global;
use super::{local, output};
use crate::exit_codes::Status;

/// A check: its name, and what is wrong.
type Check = (&'static str, fn() -> Result<(), String>);

const CHECKS: [Check; 12] = [
    ("64-bit arithmetic", arithmetic),
    ("FNV-1a", fnv),
    ("CRC-32", crc),
    ("SHA-256", sha),
    ("messages", messages),
    ("frames", frozen::frames),
    ("all kinds of fields", frozen::values),
    ("keys of messages", frozen::keys),
    ("clock", clocks),
    ("random numbers", random_numbers),
    ("files", files),
    ("Lua", lua),
];

/// `gshell selftest`.
pub const COMMAND: Command = Command {
    examples: &["gshell selftest", "gshell selftest --json"],
    ..Command::new(
        "selftest",
        "Check that this build computes, sends and measures correctly on this machine",
        run,
    )
};

/// A check's result as JSON.
#[derive(Debug, Serialize)]
struct Row {
    check: &'static str,
    ok: bool,
    /// Null when nothing is.
    wrong: Option<String>,
}

/// Prints a line for each check; fails when one does.
fn run(global: &Global, _: &Matches) -> Outcome {
    let mut rows = Vec::new();
    for (check, body) in CHECKS {
        let wrong = body().err();
        if !global.json {
            output::print(&match &wrong {
                None => format!("ok      {check}\n"),
                Some(why) => format!("FAILED  {check}: {why}\n"),
            })?;
        }
        rows.push(Row {
            check,
            ok: wrong.is_none(),
            wrong,
        });
    }
    if global.json {
        output::json(&rows)?;
    }
    match rows.iter().filter(|row| !row.ok).count() {
        0 => Ok(Status::Ok),
        failed => Err(Failure::error(format!(
            "{failed} of {} checks failed",
            CHECKS.len()
        ))),
    }
}

fn expect<T: PartialEq + std::fmt::Debug>(what: &str, got: T, want: T) -> Result<(), String> {
    match got == want {
        true => Ok(()),
        false => Err(format!("{what} gives {got:x?}, not {want:x?}")),
    }
}

fn arithmetic() -> Result<(), String> {
    let one = black_box(1_u64);
    for bit in [0, 1, 31, 32, 33, 62, 63] {
        let shifted = one << black_box(bit);
        expect("a shift to the left and back", shifted >> bit, 1)?;
        expect("the number of zeros below", shifted.trailing_zeros(), bit)?;
    }
    expect("an arithmetic shift", black_box(-2_i64) >> black_box(40), -1)?;
    expect(
        "a product",
        black_box(0x1_0000_0001_u64).wrapping_mul(0x1_0000_0001),
        0x2_0000_0001,
    )?;
    expect(
        "a quotient",
        black_box(u64::MAX) / black_box(10),
        1_844_674_407_370_955_161,
    )?;
    expect(
        "a remainder",
        black_box(i64::MIN) % black_box(1_000_000_007),
        -291_172_004,
    )?;
    expect(
        "big-endian bytes",
        black_box(0x0102_0304_0506_0708_u64).to_be_bytes(),
        [1, 2, 3, 4, 5, 6, 7, 8],
    )?;
    expect(
        "a float as bits",
        black_box(-2.5_f64).to_bits(),
        0xc004_0000_0000_0000,
    )
}

fn fnv() -> Result<(), String> {
    let hash = |bytes: &[u8]| {
        let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
    };
    expect(
        "the hash of foobar",
        hash(black_box(b"foobar")),
        0x8594_4171_f739_67e8,
    )
}

fn crc() -> Result<(), String> {
    expect(
        "the sum of 123456789",
        gshell_group::store::crc32(&[black_box(b"123456789")]),
        0xcbf4_3926,
    )
}

fn sha() -> Result<(), String> {
    let hash: [u8; 32] = Sha256::digest(black_box(b"abc")).into();
    let start = [0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea];
    expect("the hash of abc", hash.first_chunk::<8>(), Some(&start))
}

/// Encodes, compares with frozen bytes, decodes.
fn messages() -> Result<(), String> {
    let mut bytes = Vec::new();
    let fault = Fault::new(Code::NotFound, "ü");
    encode(&fault, &mut bytes).map_err(|error| error.to_string())?;
    expect("an encoded fault", bytes.as_slice(), &[4, 2, 0xc3, 0xbc, 0])?;
    expect(
        "a decoded fault",
        decode::<Fault>(&bytes).map_err(|error| error.to_string())?,
        fault,
    )?;
    let job = Job {
        state: State::Backoff,
        started_ms: i64::MIN,
        duration_ms: u64::MAX,
        ..Job::default()
    };
    bytes.clear();
    encode(&job, &mut bytes).map_err(|error| error.to_string())?;
    expect(
        "a decoded job",
        decode::<Job>(&bytes).map_err(|error| error.to_string())?,
        job,
    )
}

fn clocks() -> Result<(), String> {
    let (before, instant) = (clock::monotonic_ms(), std::time::Instant::now());
    std::thread::sleep(std::time::Duration::from_millis(5));
    let passed = clock::monotonic_ms().saturating_sub(before);
    expect("the clock going forward while sleeping 5 ms", passed >= 4, true)?;
    expect(
        "both clocks agreeing",
        passed.abs_diff(instant.elapsed().as_millis() as u64) < 1000,
        true,
    )
}

fn random_numbers() -> Result<(), String> {
    let mut draws = [[0_u8; 16]; 2];
    for draw in &mut draws {
        random::fill(draw).map_err(|error| error.to_string())?;
    }
    // By chance this happens once in 2^128 times.
    expect("two draws being equal", draws[0] == draws[1], false)
}

/// What a node needs of `/proc`.
fn files() -> Result<(), String> {
    for path in ["/proc/self/exe", "/proc/self/stat", "/proc/stat", "/proc/meminfo"] {
        std::fs::File::open(path).map_err(|error| format!("cannot open {path}: {error}"))?;
    }
    Ok(())
}

const LUA: &str = r#"
assert(7 // 2 == 3 and -7 // 2 == -4 and -7 % 3 == 2)
assert(1 << 40 == 1099511627776 and 0xff >> 4 == 15 and ~0 == -1)
assert(math.maxinteger + 1 == math.mininteger and math.type(2^53) == "float")
assert(string.format("%.14g|%d|%5.1f", 0.1, -3, 2.25) == "0.1|-3|  2.2")
assert(string.pack(">I4", 0x01020304) == "\1\2\3\4" and tostring(1e15) == "1e+15")
assert(("x"):rep(3) .. #"äö" == "xxx4" and ("a1b2"):gsub("%d", "") == "ab")
assert(select('#', table.unpack({1, nil, 3}, 1, 3)) == 3)
local co = coroutine.wrap(function(...) local n = coroutine.yield(...) return n * 2 end)
assert(co(1) == 1 and co(21) == 42)
assert(not pcall(error, "x"))
"#;

fn lua() -> Result<(), String> {
    local::evaluate("selftest", LUA)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_passes_here() {
        for (name, check) in CHECKS {
            assert_eq!(check(), Ok(()), "{name}");
        }
    }

    #[test]
    fn a_wrong_answer_is_shown() {
        assert_eq!(expect("a sum", 17, 18).unwrap_err(), "a sum gives 11, not 12");
    }
}
