//! Files made of bytes, and the reason for which each is not taken.

use gshell_plugin_abi::{ABI, NOTE_BODY, NOTE_OWNER};

use super::*;

/// What a made shared object says; the defaults are a plugin that fits this machine.
#[derive(Clone)]
pub struct Made {
    pub name: String,
    pub version: String,
    pub abi: u16,
    pub needs: u16,
    pub machine: Machine,
    pub flags: u32,
    /// Of the ELF header: 3 is a shared object.
    pub kind: u16,
    /// Bodies of notes of gshell.
    pub notes: usize,
    /// Of the segment with the notes.
    pub align: u64,
}

impl Default for Made {
    fn default() -> Self {
        Self {
            name: "echo".into(),
            version: "1.2.3".into(),
            abi: ABI,
            needs: 0,
            machine: Machine::OWN,
            flags: 0,
            kind: 3,
            notes: 1,
            align: 4,
        }
    }
}

/// Numbers in the byte order and width of a machine.
struct Out {
    machine: Machine,
    data: Vec<u8>,
}

impl Out {
    fn half(&mut self, number: u16) {
        let big = number.to_be_bytes();
        self.put(&big);
    }

    fn full(&mut self, number: u32) {
        self.put(&number.to_be_bytes());
    }

    fn word(&mut self, number: u64) {
        match self.machine.bits {
            64 => self.put(&number.to_be_bytes()),
            _ => self.full(number as u32),
        }
    }

    fn put(&mut self, big: &[u8]) {
        match self.machine.big_endian {
            true => self.data.extend(big),
            false => self.data.extend(big.iter().rev()),
        }
    }

    fn note(&mut self, made: &Made) {
        // Somebody else's note comes first.
        let (pad, one) = if made.align == 8 { (4, 8) } else { (0, 4) };
        self.full(4);
        self.full(one);
        self.full(3);
        self.data.extend(b"GNU\0");
        self.data.extend(vec![0; one as usize]);
        for _ in 0..made.notes {
            self.full(7);
            self.full(NOTE_BODY);
            self.full(1);
            self.data.extend(NOTE_OWNER);
            self.data.extend(vec![0; pad]);
            self.half(made.abi);
            self.half(made.needs);
            self.full(0);
            for (text, len) in [(&made.name, 64), (&made.version, 32)] {
                let mut text = text.clone().into_bytes();
                text.resize(len, 0);
                self.data.extend(text);
            }
        }
    }
}

impl Made {
    pub fn bytes(&self) -> Vec<u8> {
        let mut notes = Out {
            machine: self.machine,
            data: Vec::new(),
        };
        notes.note(self);
        let wide = self.machine.bits == 64;
        let (head, entry, section) = if wide { (64, 56, 64) } else { (52, 32, 40) };
        let notes_at = head + 2 * entry;
        let end = notes_at + notes.data.len() as u64;
        let mut out = Out {
            machine: self.machine,
            data: Vec::new(),
        };
        out.data.extend([0x7f, b'E', b'L', b'F', 1 + u8::from(wide)]);
        out.data.extend([1 + u8::from(self.machine.big_endian), 1]);
        out.data.resize(16, 0);
        out.half(self.kind);
        out.half(self.machine.number);
        out.full(1);
        out.word(0);
        out.word(head);
        out.word(end);
        out.full(self.flags);
        for number in [head as u16, entry as u16, 2, section as u16, 1, 0] {
            out.half(number);
        }
        for (kind, at, size, align) in [(1, 0, end, 0x1000), (4, notes_at, end - notes_at, self.align)] {
            out.full(kind);
            if wide {
                out.full(4);
            }
            for number in [at, at, at, size, size] {
                out.word(number);
            }
            if !wide {
                out.full(4);
            }
            out.word(align);
        }
        out.data.extend(notes.data);
        out.data.resize((end + section) as usize, 0);
        out.data
    }
}

/// The kind of the refusal of `data`, after looking for `text` in it.
fn refused(data: &[u8], text: &str) -> Kind {
    let refusal = inspect_bytes(data).and_then(|facts| fits(&facts)).unwrap_err();
    assert!(refusal.text.contains(text), "{refusal} has no {text:?}");
    assert_eq!(refusal.text.lines().count(), 1);
    refusal.kind
}

fn made(change: impl FnOnce(&mut Made)) -> Vec<u8> {
    let mut made = Made::default();
    change(&mut made);
    made.bytes()
}

fn machine(bits: u8, big_endian: bool, number: u16) -> Machine {
    Machine {
        bits,
        big_endian,
        number,
        unusual: false,
    }
}

#[test]
fn a_plugin_of_each_kind_of_machine_is_read() {
    for bits in [32, 64] {
        for big_endian in [false, true] {
            for align in [4, 8] {
                let machine = machine(bits, big_endian, 8);
                let data = made(|made| (made.machine, made.align, made.needs) = (machine, align, 7));
                let facts = inspect_bytes(&data).unwrap();
                assert_eq!((facts.name.as_str(), facts.version.as_str()), ("echo", "1.2.3"));
                assert_eq!((facts.abi, facts.needs, facts.machine), (ABI, 7, machine));
                assert_eq!(facts.size, data.len() as u64);
            }
        }
    }
    assert_eq!(fits(&inspect_bytes(&Made::default().bytes()).unwrap()), Ok(()));
}

#[test]
fn what_is_no_elf_file() {
    assert_eq!(refused(b"", "an empty file"), Kind::Empty);
    assert_eq!(refused(b"local x = 1\n", "a text file"), Kind::Text);
    assert_eq!(
        refused("größer, ".repeat(99).as_bytes(), "a text file"),
        Kind::Text
    );
    assert_eq!(refused(b"\x7fELG\x01", "not an ELF file"), Kind::NotElf);
    assert_eq!(refused(&[0; 600], "not an ELF file"), Kind::NotElf);
    let mut tar = vec![b'a'; 600];
    tar[257..263].copy_from_slice(b"ustar\0");
    assert_eq!(refused(&tar, "gshell plugin install"), Kind::Bundle);
}

#[test]
fn every_length_of_a_cut_file_is_noticed() {
    let data = Made::default().bytes();
    for len in 1..data.len() {
        let kind = inspect_bytes(&data[..len]).unwrap_err().kind;
        let want = if len < 4 { Kind::NotElf } else { Kind::Truncated };
        assert!(kind == want, "{len}: {kind:?}");
    }
    assert_eq!(
        refused(&data[..100], "ends too early: it has 100 bytes of "),
        Kind::Truncated
    );
}

#[test]
fn every_byte_that_lies_is_survived() {
    for (bits, big_endian) in [(32, true), (64, false)] {
        let data = made(|made| made.machine = machine(bits, big_endian, 8));
        for at in 0..data.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut data = data.clone();
                data[at] = value;
                if let Err(refusal) = inspect_bytes(&data) {
                    assert_eq!(refusal.text.lines().count(), 1, "{at}: {refusal}");
                }
            }
        }
    }
}

#[test]
fn headers_that_cannot_be() {
    for (at, value, text) in [
        (4, 3, "its class is 3"),
        (5, 0, "its byte order is 0"),
        (6, 2, "it is of version 2"),
    ] {
        let mut data = Made::default().bytes();
        data[at] = value;
        assert_eq!(refused(&data, text), Kind::Damaged);
    }
    let machine = machine(64, false, 62);
    for (at, value, text) in [
        (54, 0x1001, "its segments have 4097 bytes"),
        (56, 0, "it has no segments"),
        (56, 257, "it has 257 segments"),
        (58, 63, "its sections have 63 bytes"),
    ] {
        let mut data = made(|made| made.machine = machine);
        data[at..at + 2].copy_from_slice(&u16::to_le_bytes(value));
        assert_eq!(refused(&data, text), Kind::Damaged, "{text}");
    }
    let mut data = made(|made| made.machine = machine);
    data[32..40].copy_from_slice(&[0xff; 8]);
    assert_eq!(refused(&data, "beyond the end of all numbers"), Kind::Damaged);
}

#[test]
fn what_is_no_plugin() {
    for (kind, text) in [
        (1, "an object file"),
        (2, "a program"),
        (4, "a core dump"),
        (9, "another kind"),
    ] {
        assert_eq!(refused(&made(|made| made.kind = kind), text), Kind::NotShared);
    }
    let program = std::fs::read("/proc/self/exe").unwrap();
    assert_eq!(
        refused(&program, "a program, not a shared object"),
        Kind::NotShared
    );
    let library = made(|made| made.notes = 0);
    assert_eq!(
        refused(&library, "a library without a gshell descriptor"),
        Kind::NoDescriptor
    );
    assert_eq!(
        refused(&made(|made| made.notes = 2), "of two plugins, echo and echo"),
        Kind::NoDescriptor
    );
}

#[test]
fn other_machines() {
    let own = Machine::OWN;
    let text = format!("this node is {own}");
    let other = |bits, big_endian, number| made(|made| made.machine = machine(bits, big_endian, number));
    let number = if own.number == 40 { 183 } else { 40 };
    assert_eq!(
        refused(&other(own.bits, own.big_endian, number), &text),
        Kind::Machine
    );
    assert_eq!(
        refused(&other(96 - own.bits, own.big_endian, own.number), &text),
        Kind::Machine
    );
    assert_eq!(
        refused(&other(own.bits, !own.big_endian, own.number), &text),
        Kind::Machine
    );
    if own.number == 62 {
        assert_eq!(
            refused(&other(32, false, 40), "built for armv7, this node is x86_64"),
            Kind::Machine
        );
    }
    let soft = made(|made| (made.machine, made.flags) = (machine(32, false, 40), 0x0500_0200));
    assert_eq!(refused(&soft, "built for armv7 with soft floats"), Kind::Machine);
}

#[test]
fn other_versions_of_the_abi() {
    assert_eq!(
        refused(
            &made(|made| made.abi = ABI - 1),
            "too old: built for plugin ABI 0"
        ),
        Kind::Abi
    );
    assert_eq!(
        refused(
            &made(|made| made.abi = ABI + 1),
            "too new: built for plugin ABI 2"
        ),
        Kind::Abi
    );
    assert_eq!(
        refused(&made(|made| made.needs = 99), "it needs plugin ABI 1.99"),
        Kind::Needs
    );
    let strange = made(|made| (made.abi, made.name) = (9, "NO NAME".into()));
    assert_eq!(inspect_bytes(&strange).unwrap().name, "");
}

#[test]
fn names_that_are_none() {
    for (name, text) in [
        ("", "it is empty"),
        ("../x", "begin with"),
        ("a\nb", "a plugin with the name \"a\\nb\""),
    ] {
        assert_eq!(refused(&made(|made| made.name = name.into()), text), Kind::Name);
    }
    let endless = made(|made| made.name = "a".repeat(64));
    assert_eq!(refused(&endless, "whose name has no end"), Kind::Name);
    assert_eq!(
        refused(
            &made(|made| made.version = "v 1".into()),
            "with the version \"v 1\""
        ),
        Kind::Name
    );
}

#[test]
fn what_cannot_be_read() {
    let text = |path: &str| inspect(Path::new(path)).unwrap_err().text;
    assert_eq!(
        text("/nowhere/echo.gplugin"),
        "cannot be read: No such file or directory"
    );
    assert_eq!(text("/"), "a folder, not a file");
    assert_eq!(text("/dev/null"), "not a regular file");
}
