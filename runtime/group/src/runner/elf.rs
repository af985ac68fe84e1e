//! A look at a program's file before it runs. The kernel would start one that is cut off, which then dies of a signal,
//! and calls a missing interpreter "no such file", which names the wrong file.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Program header types.
const LOAD: u64 = 1;
const INTERPRETER: u64 = 3;
/// Longest path of an interpreter.
const PATH_MAX: u64 = 4096;

/// Where the fields are that are looked at, by the width of addresses: offset and size.
struct Layout {
    word: usize,
    table: usize,
    entry_size: usize,
    entries: usize,
    offset: usize,
    size: usize,
}

const NARROW: Layout = Layout {
    word: 4,
    table: 28,
    entry_size: 42,
    entries: 44,
    offset: 4,
    size: 16,
};
const WIDE: Layout = Layout {
    word: 8,
    table: 32,
    entry_size: 54,
    entries: 56,
    offset: 8,
    size: 32,
};

/// Whether all that is to be loaded is in the file, and its interpreter on this machine.
pub(super) fn check(program: &Path) -> io::Result<()> {
    let file = File::open(program)?;
    let length = file.metadata()?.len();
    let head = piece(&file, length, 0, 64)?;
    let little = head.get(5) == Some(&1);
    let layout = if head.get(4) == Some(&2) { &WIDE } else { &NARROW };
    let table = number(&head, layout.table, layout.word, little);
    let entry_size = number(&head, layout.entry_size, 2, little);
    for index in 0..number(&head, layout.entries, 2, little) {
        let at = table.saturating_add(index.saturating_mul(entry_size));
        let entry = piece(&file, length, at, entry_size)?;
        let kind = number(&entry, 0, 4, little);
        let offset = number(&entry, layout.offset, layout.word, little);
        let size = number(&entry, layout.size, layout.word, little);
        if kind == LOAD && offset.saturating_add(size) > length {
            return Err(cut_off());
        }
        if kind == INTERPRETER {
            interpreter(&piece(&file, length, offset, size.min(PATH_MAX))?)?;
        }
    }
    Ok(())
}

fn interpreter(path: &[u8]) -> io::Result<()> {
    let path = path.strip_suffix(b"\0").unwrap_or(path);
    let path = String::from_utf8_lossy(path);
    match std::fs::metadata(&*path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Err(io::Error::new(
            ErrorKind::NotFound,
            format!("it needs the interpreter {path}, which is not on this machine"),
        )),
        _ => Ok(()),
    }
}

fn cut_off() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "its file is damaged: the end is missing")
}

fn piece(file: &File, length: u64, at: u64, size: u64) -> io::Result<Vec<u8>> {
    if at.saturating_add(size) > length {
        return Err(cut_off());
    }
    let mut bytes = vec![0; usize::try_from(size).map_err(io::Error::other)?];
    file.read_exact_at(&mut bytes, at)?;
    Ok(bytes)
}

/// The unsigned number of this many bytes; 0 beyond the end.
fn number(bytes: &[u8], at: usize, size: usize, little: bool) -> u64 {
    let field = bytes.get(at..at + size).unwrap_or_default();
    let add = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
    if little {
        field.iter().rev().fold(0, add)
    } else {
        field.iter().fold(0, add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The result for this program's own file after a change.
    fn checked(change: impl FnOnce(&mut Vec<u8>)) -> Result<(), String> {
        let mut bytes = std::fs::read("/bin/sh").unwrap();
        change(&mut bytes);
        let count = std::thread::current().id();
        let path = std::env::temp_dir().join(format!("gshell-elf-{}-{count:?}", std::process::id()));
        std::fs::write(&path, bytes).unwrap();
        let result = check(&path).map_err(|error| error.to_string());
        std::fs::remove_file(&path).unwrap();
        result
    }

    #[test]
    fn whole_programs_pass_and_others_are_named() {
        assert_eq!(checked(|_| {}), Ok(()));
        for length in [0, 10, 64, 100, 1000, 20_000] {
            let error = checked(|bytes| bytes.truncate(length)).unwrap_err();
            assert!(error.contains("end is missing"), "{length}: {error}");
        }
        let error = checked(|bytes| {
            let at = bytes.windows(4).position(|four| four == b"/ld-").unwrap();
            bytes[at + 1..at + 4].copy_from_slice(b"no-");
        });
        assert!(error.unwrap_err().contains("needs the interpreter /"));
    }
}
