//! The note in a file: who the plugin is, for those who do not open it.

use gshell_plugin_abi::{ABI, NOTE_BODY, NOTE_NAME, NOTE_OWNER, NOTE_TYPE, NOTE_VERSION};

use super::elf::{ELF, Notes, Numbers, Shared};
use super::{Kind, Refusal, names};
use crate::source::{self, Source};

/// Bytes of notes that are looked through. Compilers and packagers write some hundred.
const MOST: u64 = 64 << 10;
/// The bytes of `NOTE_OWNER` that are counted: the name and its zero.
const OWNER: usize = 7;

/// What a note says.
pub(super) struct Told {
    pub name: String,
    pub version: String,
    pub abi: u16,
    pub needs: u16,
}

/// Finds the note of gshell in a shared object.
pub(super) fn find(source: &dyn Source, shared: &Shared) -> Result<Told, Refusal> {
    let mut found: Option<Told> = None;
    let mut left = MOST;
    for notes in &shared.notes {
        // Others may have notes as large as they like; ours is in front of them or was not made by the header's macro.
        let size = notes.size.min(left);
        left -= size;
        let data = source::read(source, ELF, notes.at, size as u32)?;
        let mut rest = data.as_slice();
        while let Some((note, behind)) = next(rest, notes, shared.numbers) {
            rest = behind;
            if note.kind != NOTE_TYPE || note.owner != &NOTE_OWNER[..OWNER] {
                continue;
            }
            let told = told(note.body, shared.numbers)?;
            if let Some(first) = &found {
                return Err(Refusal::new(
                    Kind::NoDescriptor,
                    format!(
                        "a library of two plugins, {} and {}; a file holds one",
                        first.name, told.name
                    ),
                ));
            }
            found = Some(told);
        }
    }
    found.ok_or_else(|| Refusal::new(Kind::NoDescriptor, "a library without a gshell descriptor"))
}

struct Note<'a> {
    owner: &'a [u8],
    kind: u32,
    body: &'a [u8],
}

/// The first note of some bytes, and what is behind it. `None` where nothing follows that could be one.
fn next<'a>(data: &'a [u8], notes: &Notes, numbers: Numbers) -> Option<(Note<'a>, &'a [u8])> {
    let align = if notes.align == 8 { 8 } else { 4 };
    let number = |at| numbers.u32(data, at).map(|number| number as usize);
    let (owner_size, body_size) = (number(0)?, number(4)?);
    let kind = numbers.u32(data, 8)?;
    let owner = data.get(12..)?.get(..owner_size)?;
    // Places are counted from the start of the note, which is aligned itself.
    let body_at = 12_usize
        .checked_add(owner_size)?
        .checked_next_multiple_of(align)?;
    let body = data.get(body_at..)?.get(..body_size)?;
    let end = body_at.checked_add(body_size)?.checked_next_multiple_of(align)?;
    Some((Note { owner, kind, body }, data.get(end..).unwrap_or_default()))
}

fn told(body: &[u8], numbers: Numbers) -> Result<Told, Refusal> {
    let damaged = || {
        let text = format!(
            "a library with a damaged gshell descriptor: its note has {} bytes of {NOTE_BODY}",
            body.len()
        );
        Refusal::new(Kind::Damaged, text)
    };
    let abi = numbers.u16(body, 0).ok_or_else(damaged)?;
    let needs = numbers.u16(body, 2).ok_or_else(damaged)?;
    let text = |at: usize, len: usize| {
        let field = body.get(at..)?.get(..len)?;
        let end = field.iter().position(|byte| *byte == 0)?;
        Some(String::from_utf8_lossy(&field[..end]).into_owned())
    };
    let name = text(8, NOTE_NAME);
    let version = text(8 + NOTE_NAME, NOTE_VERSION);
    if abi != ABI {
        // What follows the two numbers is another ABI's own affair.
        return Ok(Told {
            name: name.filter(|name| names::check(name).is_ok()).unwrap_or_default(),
            version: version
                .filter(|version| names::is_version(version))
                .unwrap_or_default(),
            abi,
            needs,
        });
    }
    if body.len() < NOTE_BODY as usize {
        return Err(damaged());
    }
    let endless = |what| Refusal::new(Kind::Name, format!("a plugin whose {what} has no end"));
    let name = name.ok_or_else(|| endless("name"))?;
    let version = version.ok_or_else(|| endless("version"))?;
    if let Err(why) = names::check(&name) {
        let name = name.escape_debug();
        return Err(Refusal::new(
            Kind::Name,
            format!("a plugin with the name \"{name}\": {why}"),
        ));
    }
    if !names::is_version(&version) {
        let version = version.escape_debug();
        let text = format!("the plugin {name} with the version \"{version}\", which is none (as in 1.2.3)");
        return Err(Refusal::new(Kind::Name, text));
    }
    Ok(Told {
        name,
        version,
        abi,
        needs,
    })
}
