//! What a shared object is built for, as its ELF header says, and what this program is built for.

use std::fmt;

/// Numbers of the ELF standard, with the bits and the byte order of what bears the name: those of bsp/targets, and others
/// that people know. A number with other bits or another order is told by all three.
const NAMES: &[(u16, u8, bool, &str)] = &[
    (ARM, 32, false, "armv7"),
    (ARM, 32, true, "armeb"),
    (MIPS, 32, true, "mips"),
    (MIPS, 32, false, "mipsel"),
    (MIPS, 64, true, "mips64"),
    (MIPS, 64, false, "mips64el"),
    (62, 64, false, "x86_64"),
    (183, 64, false, "aarch64"),
    (3, 32, false, "x86"),
    (20, 32, true, "powerpc"),
    (21, 64, true, "powerpc64"),
    (21, 64, false, "powerpc64le"),
    (22, 64, true, "s390x"),
    (243, 64, false, "riscv64"),
    (243, 32, false, "riscv32"),
    (258, 64, false, "loongarch64"),
];

const ARM: u16 = 40;
const MIPS: u16 = 8;

/// The number that stands for a machine of which this program knows none: nothing is built for it.
const UNKNOWN: u16 = 0;

/// Flags of ARM files, of version 5 of its ABI: floats are passed as integers are.
const ARM_SOFT_FLOAT: u32 = 0x200;
/// Flags of MIPS files: the ABI n32.
const MIPS_N32: u32 = 0x20;

/// What a file is built for. Two that are equal can be linked with each other, as far as a header tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Bits of a pointer: 32 or 64.
    pub bits: u8,
    /// Whether the byte that counts most comes first.
    pub big_endian: bool,
    /// The ELF standard's number.
    pub number: u16,
    /// Whether it is of the less usual of two ABIs: ARM with soft floats, MIPS with n32.
    pub unusual: bool,
}

impl Machine {
    /// That of this program.
    pub const OWN: Machine = Machine {
        bits: usize::BITS as u8,
        big_endian: cfg!(target_endian = "big"),
        number: own_number(),
        unusual: cfg!(target_arch = "arm") && !cfg!(target_abi = "eabihf"),
    };

    /// That of a file with these fields in its header.
    pub(super) fn of(bits: u8, big_endian: bool, number: u16, flags: u32) -> Self {
        let unusual = match number {
            ARM => flags >> 24 == 5 && flags & ARM_SOFT_FLOAT != 0,
            MIPS => bits == 32 && flags & MIPS_N32 != 0,
            _ => false,
        };
        Self {
            bits,
            big_endian,
            number,
            unusual,
        }
    }

    /// Its name as bsp/targets has it, when it has one.
    fn name(&self) -> Option<&'static str> {
        let found = NAMES.iter().find(|(number, bits, big, _)| {
            (*number, *bits, *big) == (self.number, self.bits, self.big_endian)
        });
        found.map(|(_, _, _, name)| *name)
    }

    /// `little` or `big`.
    pub fn endian(&self) -> &'static str {
        if self.big_endian { "big" } else { "little" }
    }
}

const fn own_number() -> u16 {
    if cfg!(target_arch = "x86_64") {
        62
    } else if cfg!(target_arch = "aarch64") {
        183
    } else if cfg!(target_arch = "arm") {
        ARM
    } else if cfg!(any(target_arch = "mips", target_arch = "mips64")) {
        MIPS
    } else if cfg!(target_arch = "x86") {
        3
    } else if cfg!(any(target_arch = "riscv64", target_arch = "riscv32")) {
        243
    } else {
        UNKNOWN
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name)?,
            None => {
                let named = NAMES.iter().find(|(number, ..)| *number == self.number);
                match named {
                    Some((_, _, _, name)) => f.write_str(name)?,
                    None => write!(f, "machine {}", self.number)?,
                }
                write!(f, " ({} bit, {} endian)", self.bits, self.endian())?;
            }
        }
        match (self.unusual, self.number) {
            (true, ARM) => f.write_str(" with soft floats"),
            (true, _) => f.write_str(" with ABI n32"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_targets() {
        for (bits, big, number, flags, want) in [
            (64, false, 62, 0, "x86_64"),
            (64, false, 183, 0, "aarch64"),
            (32, false, 40, 0x0500_0400, "armv7"),
            (32, false, 40, 0x0500_0200, "armv7 with soft floats"),
            (32, true, 8, 0x7000_1007, "mips"),
            (32, false, 8, 0x7000_1005, "mipsel"),
            (32, true, 8, 0x20, "mips with ABI n32"),
            (32, false, 62, 0, "x86_64 (32 bit, little endian)"),
            (64, true, 999, 0, "machine 999 (64 bit, big endian)"),
        ] {
            assert_eq!(Machine::of(bits, big, number, flags).to_string(), want);
        }
    }

    #[test]
    fn this_program_is_for_a_machine_with_a_name() {
        assert!(Machine::OWN.name().is_some());
    }
}
