//! What an ELF program is made for: checked before one is sent to run where it cannot.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};

/// Bytes of the smaller kind of header, that of 32-bit programs: a file with less is cut off.
pub const HEADER: usize = 52;

/// The first bytes of every ELF file.
const MAGIC: [u8; 4] = [0x7f, b'E', b'L', b'F'];

/// Machine numbers of the ELF standard, by the names that people know.
const MACHINES: [(u16, &str); 14] = [
    (2, "sparc"),
    (3, "x86"),
    (8, "mips"),
    (20, "powerpc"),
    (21, "powerpc64"),
    (22, "s390"),
    (40, "arm"),
    (42, "sh"),
    (43, "sparc64"),
    (62, "x86_64"),
    (183, "aarch64"),
    (243, "riscv"),
    (247, "bpf"),
    (258, "loongarch"),
];

/// What a program runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    /// 32 or 64.
    bits: u8,
    big_endian: bool,
    number: u16,
}

impl Machine {
    /// Reads it from the start of a file; `None` when that is no ELF file.
    pub fn of(start: &[u8]) -> Option<Self> {
        let header = start.get(..HEADER)?;
        if !is_elf(header) {
            return None;
        }
        let bits = match header[4] {
            1 => 32,
            2 => 64,
            _ => return None,
        };
        let big_endian = header[5] == 2;
        let number = [header[18], header[19]];
        let number = if big_endian {
            u16::from_be_bytes(number)
        } else {
            u16::from_le_bytes(number)
        };
        Some(Self {
            bits,
            big_endian,
            number,
        })
    }

    /// The machine that this very program was made for.
    pub fn own() -> io::Result<Self> {
        let mut header = [0; HEADER];
        File::open("/proc/self/exe")?.read_exact(&mut header)?;
        Self::of(&header).ok_or_else(|| io::Error::other("it has no ELF header"))
    }
}

/// Whether a file that starts so claims to be an ELF file.
pub fn is_elf(start: &[u8]) -> bool {
    start.starts_with(&MAGIC)
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match MACHINES.iter().find(|(number, _)| *number == self.number) {
            Some((_, name)) => f.write_str(name)?,
            None => write!(f, "machine {}", self.number)?,
        }
        let order = if self.big_endian { "big" } else { "little" };
        write!(f, " ({} bit, {order} endian)", self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(class: u8, data: u8, machine: [u8; 2]) -> Vec<u8> {
        let mut header = vec![0x7f, b'E', b'L', b'F', class, data, 1, 0];
        header.resize(18, 0);
        header.extend(machine);
        header.resize(HEADER, 0);
        header
    }

    #[test]
    fn machines_are_named() {
        for (class, data, machine, want) in [
            (2, 1, [62, 0], "x86_64 (64 bit, little endian)"),
            (1, 2, [0, 8], "mips (32 bit, big endian)"),
            (1, 1, [0xe7, 3], "machine 999 (32 bit, little endian)"),
        ] {
            assert_eq!(
                Machine::of(&header(class, data, machine)).unwrap().to_string(),
                want
            );
        }
    }

    #[test]
    fn other_files_have_none() {
        assert_eq!(Machine::of(b"print 'hello, this is a script'"), None);
        assert_eq!(Machine::of(&header(2, 1, [62, 0])[..19]), None);
        assert_eq!(Machine::of(&header(9, 1, [62, 0])), None);
    }

    #[test]
    fn this_program_has_one() {
        assert_eq!(
            Machine::own().unwrap().bits,
            if cfg!(target_pointer_width = "64") { 64 } else { 32 }
        );
    }
}
