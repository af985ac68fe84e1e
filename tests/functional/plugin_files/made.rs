//! Shared objects made of bytes, for this machine and for others: as much of one as tells who it is.

use std::fs::File;
use std::io::Read;

use gshell_tests::binary;

/// What a file is built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    pub wide: bool,
    pub big_endian: bool,
    pub number: u16,
    pub flags: u32,
}

/// The targets by their names.
pub const FIVE: [(&str, Machine); 5] = [
    ("aarch64", machine(true, false, 183)),
    ("armv7", machine(false, false, 40)),
    ("mips", machine(false, true, 8)),
    ("mipsel", machine(false, false, 8)),
    ("x86_64", machine(true, false, 62)),
];

const fn machine(wide: bool, big_endian: bool, number: u16) -> Machine {
    Machine {
        wide,
        big_endian,
        number,
        flags: 0,
    }
}

/// The name of the target that the program under test is built for.
pub fn own() -> &'static str {
    let mut head = [0; 20];
    let mut program = File::open(binary::gshell()).unwrap();
    program.read_exact(&mut head).unwrap();
    let (wide, big_endian) = (head[4] == 2, head[5] == 2);
    let number = [head[18], head[19]];
    let number = if big_endian {
        u16::from_be_bytes(number)
    } else {
        u16::from_le_bytes(number)
    };
    let found = FIVE
        .iter()
        .find(|(_, known)| *known == machine(wide, big_endian, number));
    found.expect("the program is built for one of the targets").0
}

/// A target by its name.
pub fn target(name: &str) -> Machine {
    FIVE.iter().find(|(known, _)| *known == name).unwrap().1
}

/// What a made file says.
#[derive(Clone, Copy)]
pub struct Made<'a> {
    pub machine: Machine,
    pub name: &'a str,
    pub version: &'a str,
    pub abi: u16,
    pub needs: u16,
    /// Whether it has the note of a plugin.
    pub described: bool,
    /// 3 is a shared object, 2 a program.
    pub kind: u16,
}

impl Made<'_> {
    /// A plugin for this machine.
    pub fn new(name: &str) -> Made<'_> {
        Made {
            machine: target(own()),
            name,
            version: "1.0.0",
            abi: 1,
            needs: 0,
            described: true,
            kind: 3,
        }
    }

    /// The file: a header, a segment to load, a segment of notes.
    pub fn bytes(&self) -> Vec<u8> {
        let machine = self.machine;
        let mut note = Out::new(machine);
        if self.described {
            [7, 104, 1].into_iter().for_each(|number| note.full(number));
            note.data.extend(b"gshell\0\0");
            note.half(self.abi);
            note.half(self.needs);
            note.full(0);
            note.text(self.name, 64);
            note.text(self.version, 32);
        }
        let (head, entry) = if machine.wide { (64, 56) } else { (52, 32) };
        let (at, size) = (head + 2 * entry, note.data.len() as u64);
        let mut out = Out::new(machine);
        out.data.extend(b"\x7fELF");
        out.data
            .extend([1 + u8::from(machine.wide), 1 + u8::from(machine.big_endian), 1]);
        out.data.resize(16, 0);
        out.half(self.kind);
        out.half(machine.number);
        out.full(1);
        [0, head, 0].into_iter().for_each(|number| out.word(number));
        out.full(machine.flags);
        for number in [head, entry, 2, 0, 0, 0] {
            out.half(number as u16);
        }
        for (kind, at, size) in [(1, 0, at + size), (4, at, size)] {
            out.full(kind);
            if machine.wide {
                out.full(4);
            }
            [at, at, at, size, size]
                .into_iter()
                .for_each(|number| out.word(number));
            if !machine.wide {
                out.full(4);
            }
            out.word(4);
        }
        out.data.extend(note.data);
        out.data
    }
}

/// Numbers in the byte order and width of a machine.
struct Out {
    machine: Machine,
    data: Vec<u8>,
}

impl Out {
    fn new(machine: Machine) -> Self {
        Self {
            machine,
            data: Vec::new(),
        }
    }

    fn half(&mut self, number: u16) {
        self.put(&number.to_be_bytes());
    }

    fn full(&mut self, number: u32) {
        self.put(&number.to_be_bytes());
    }

    fn word(&mut self, number: u64) {
        match self.machine.wide {
            true => self.put(&number.to_be_bytes()),
            false => self.full(number as u32),
        }
    }

    fn text(&mut self, text: &str, size: usize) {
        let end = self.data.len() + size;
        self.data.extend(text.bytes());
        self.data.resize(end, 0);
    }

    fn put(&mut self, big: &[u8]) {
        match self.machine.big_endian {
            true => self.data.extend(big),
            false => self.data.extend(big.iter().rev()),
        }
    }
}
