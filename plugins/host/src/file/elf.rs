//! The header of an ELF file and its program headers: what a loader would look at, and nothing else.

use super::{Kind, Machine, Refusal};
use crate::source::{self, Source};

/// Bytes at the start of a file that tell what it is.
const START: u32 = 512;
/// Bytes of the header: of 32-bit files and of 64-bit ones.
const HEADER: [u32; 2] = [52, 64];
/// Bytes of an entry of the table of segments.
const SEGMENT: [u16; 2] = [32, 56];
/// Bytes of an entry of the table of sections.
const SECTION: [u16; 2] = [40, 64];
/// Segments that a file may have; compilers make some ten.
const SEGMENTS: u16 = 256;

/// What is read, in words.
pub(super) const ELF: &str = "an ELF file";

const MAGIC: [u8; 4] = [0x7f, b'E', b'L', b'F'];
const SHARED: u16 = 3;
const LOAD: u32 = 1;
const INTERPRETER: u32 = 3;
const NOTE: u32 = 4;

/// Where the name of the format stands in an archive of tar, in which bundles are.
const TAR_AT: usize = 257;
const TAR: &[u8] = b"ustar";

/// Reads numbers in the byte order of the file.
#[derive(Clone, Copy)]
pub(super) struct Numbers {
    pub big_endian: bool,
    pub wide: bool,
}

impl Numbers {
    pub fn u16(self, data: &[u8], at: usize) -> Option<u16> {
        let found = data.get(at..)?.first_chunk().copied()?;
        Some(match self.big_endian {
            true => u16::from_be_bytes(found),
            false => u16::from_le_bytes(found),
        })
    }

    pub fn u32(self, data: &[u8], at: usize) -> Option<u32> {
        let found = data.get(at..)?.first_chunk().copied()?;
        Some(match self.big_endian {
            true => u32::from_be_bytes(found),
            false => u32::from_le_bytes(found),
        })
    }

    fn u64(self, data: &[u8], at: usize) -> Option<u64> {
        let found = data.get(at..)?.first_chunk().copied()?;
        Some(match self.big_endian {
            true => u64::from_be_bytes(found),
            false => u64::from_le_bytes(found),
        })
    }

    /// A number as wide as a pointer.
    fn word(self, data: &[u8], at: usize) -> Option<u64> {
        match self.wide {
            true => self.u64(data, at),
            false => self.u32(data, at).map(u64::from),
        }
    }
}

/// A segment that holds notes.
#[derive(Clone, Copy)]
pub(super) struct Notes {
    pub at: u64,
    pub size: u64,
    pub align: u64,
}

/// What the headers of a shared object say.
pub(super) struct Shared {
    pub machine: Machine,
    pub numbers: Numbers,
    pub notes: Vec<Notes>,
}

struct Header {
    machine: Machine,
    numbers: Numbers,
    kind: u16,
    segments_at: u64,
    segment_size: u16,
    segments: u16,
    sections_at: u64,
    section_size: u16,
    sections: u16,
}

/// Reads the headers of what has to be a whole shared object.
pub(super) fn read(source: &dyn Source) -> Result<Shared, Refusal> {
    let header = header(source)?;
    if header.kind != SHARED {
        return Err(not_shared(header.kind));
    }
    whole(source, &header)?;
    segments(source, &header)
}

fn damaged(what: &str) -> Refusal {
    Refusal::new(Kind::Damaged, format!("a damaged ELF file: {what}"))
}

fn not_shared(kind: u16) -> Refusal {
    let what = match kind {
        1 => "an object file that is not linked yet",
        2 => "a program",
        4 => "a core dump",
        _ => "an ELF file of another kind",
    };
    Refusal::new(Kind::NotShared, format!("{what}, not a shared object"))
}

fn header(source: &dyn Source) -> Result<Header, Refusal> {
    let start = source.size().min(START.into()) as u32;
    let start = source::read(source, ELF, 0, start)?;
    if !start.starts_with(&MAGIC) {
        return Err(not_elf(&start));
    }
    // What follows is there in a file that is not cut off.
    let byte = |at: usize| start.get(at).copied().unwrap_or(0);
    let cut = |size: u32| source::within(source, ELF, 0, size.into());
    cut(HEADER[0])?;
    let wide = match byte(4) {
        1 => false,
        2 => true,
        other => return Err(damaged(&format!("its class is {other}, neither 32 nor 64 bit"))),
    };
    let big_endian = match byte(5) {
        1 => false,
        2 => true,
        other => {
            return Err(damaged(&format!(
                "its byte order is {other}, neither little nor big"
            )));
        }
    };
    cut(HEADER[usize::from(wide)])?;
    if byte(6) != 1 {
        return Err(damaged(&format!(
            "it is of version {}, and there is only 1",
            byte(6)
        )));
    }
    let numbers = Numbers { big_endian, wide };
    fields(&start, numbers).ok_or_else(|| damaged("its header is cut off"))
}

/// The fields that are of use; their places depend on the class.
fn fields(start: &[u8], numbers: Numbers) -> Option<Header> {
    let half = |at: usize| numbers.u16(start, at);
    let bits = if numbers.wide { 64 } else { 32 };
    // Entry point and the places of both tables are as wide as pointers.
    let word = usize::from(bits / 8);
    let flags_at = 24 + 3 * word;
    Some(Header {
        machine: Machine::of(bits, numbers.big_endian, half(18)?, numbers.u32(start, flags_at)?),
        numbers,
        kind: half(16)?,
        segments_at: numbers.word(start, 24 + word)?,
        sections_at: numbers.word(start, 24 + 2 * word)?,
        segment_size: half(flags_at + 6)?,
        segments: half(flags_at + 8)?,
        section_size: half(flags_at + 10)?,
        sections: half(flags_at + 12)?,
    })
}

fn not_elf(start: &[u8]) -> Refusal {
    if start.is_empty() {
        return Refusal::new(Kind::Empty, "an empty file");
    }
    if start.get(TAR_AT..).is_some_and(|rest| rest.starts_with(TAR)) {
        return Refusal::new(
            Kind::Bundle,
            "a tar archive; if it is a bundle of plugins: gshell plugin install",
        );
    }
    let text = match std::str::from_utf8(start) {
        Ok(text) => Some(text),
        // The last character may go on behind what was read.
        Err(error) if error.error_len().is_none() => std::str::from_utf8(&start[..error.valid_up_to()]).ok(),
        Err(_) => None,
    };
    let plain = |c: char| !c.is_control() || c.is_ascii_whitespace();
    match text {
        Some(text) if !text.is_empty() && text.chars().all(plain) => {
            Refusal::new(Kind::Text, "a text file, not a shared object")
        }
        _ => Refusal::new(Kind::NotElf, "not an ELF file"),
    }
}

/// Checks that the file is as long as the table of sections says, which is the last thing in it.
fn whole(source: &dyn Source, header: &Header) -> Result<(), Refusal> {
    // None at all is fine: loaders do not need it.
    if header.sections_at == 0 || header.sections == 0 {
        return Ok(());
    }
    if header.section_size != SECTION[usize::from(header.numbers.wide)] {
        return Err(damaged(&format!(
            "its sections have {} bytes",
            header.section_size
        )));
    }
    let size = u64::from(header.section_size) * u64::from(header.sections);
    source::within(source, ELF, header.sections_at, size)
}

fn segments(source: &dyn Source, header: &Header) -> Result<Shared, Refusal> {
    let entry = SEGMENT[usize::from(header.numbers.wide)];
    if header.segments == 0 || header.segments_at == 0 {
        return Err(damaged("it has no segments"));
    }
    if header.segment_size != entry {
        return Err(damaged(&format!(
            "its segments have {} bytes",
            header.segment_size
        )));
    }
    if header.segments > SEGMENTS {
        return Err(damaged(&format!(
            "it has {} segments, more than {SEGMENTS}",
            header.segments
        )));
    }
    let table = source::read(
        source,
        ELF,
        header.segments_at,
        u32::from(entry) * u32::from(header.segments),
    )?;
    let mut notes = Vec::new();
    let mut loads = false;
    for segment in table.chunks_exact(entry.into()) {
        let (kind, found) =
            segment_of(segment, header.numbers).ok_or_else(|| damaged("a segment is cut off"))?;
        match kind {
            LOAD => {
                source::within(source, ELF, found.at, found.size)?;
                loads = true;
            }
            INTERPRETER => return Err(not_shared(2)),
            NOTE => {
                source::within(source, ELF, found.at, found.size)?;
                notes.push(found);
            }
            _ => {}
        }
    }
    if !loads {
        return Err(damaged("it has nothing to load"));
    }
    Ok(Shared {
        machine: header.machine,
        numbers: header.numbers,
        notes,
    })
}

/// What kind of segment it is, and where in the file.
fn segment_of(segment: &[u8], numbers: Numbers) -> Option<(u32, Notes)> {
    // Type, (flags in 64-bit files,) place, two addresses, size in the file, size in memory, (flags,) alignment.
    let (at, size, align) = if numbers.wide { (8, 32, 48) } else { (4, 16, 28) };
    let notes = Notes {
        at: numbers.word(segment, at)?,
        size: numbers.word(segment, size)?,
        align: numbers.word(segment, align)?,
    };
    Some((numbers.u32(segment, 0)?, notes))
}
