//! Opens a plugin's file, and takes one that is linked in.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use gshell_plugin_abi as abi;
use gshell_sys::crash::{self, Owner};
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

use crate::file::names;
use crate::origin::{Identity, Origin};
use crate::plugin::Plugin;
use crate::{asking, check};

/// What a note names as running while a plugin's file is opened.
pub const OPENING: &str = "";

/// Files at one path that are opened and refused, in one process, before the loader gives an old one again.
const MOST_DOTS: u32 = 64;

/// Whether files can be loaded at all: a program that is linked as a whole has no loader for them.
pub const CAN_LOAD: bool = !cfg!(all(target_env = "musl", target_feature = "crt-static"));

/// Opens a plugin's file, of which only the note has been read. It is never closed again, also when it is refused then: what
/// its constructors began goes on. `before` says how many files at this path were opened and refused.
pub fn file(path: &Path, name: &str, identity: Identity, before: u32) -> Result<&'static Plugin, String> {
    let owner = Owner::new(note_text(name, Some(identity)));
    let marked = crash::mark(owner, OPENING);
    let opened = open_marked(path, &spelled(path, before), name, identity, owner);
    crash::restore(marked);
    opened
}

/// A path to the same file that the loader has not seen: what it has opened by a path it gives again, whatever the file is now.
fn spelled(path: &Path, before: u32) -> PathBuf {
    let (Some(folder), Some(file)) = (path.parent(), path.file_name()) else {
        return path.to_owned();
    };
    // Joined as text: a path would drop the dots.
    let mut text = folder.as_os_str().to_owned();
    (0..before.min(MOST_DOTS)).for_each(|_| text.push("/."));
    text.push("/");
    text.push(file);
    text.into()
}

fn open_marked(
    path: &Path,
    spelled: &Path,
    name: &str,
    identity: Identity,
    owner: &'static Owner,
) -> Result<&'static Plugin, String> {
    // SAFETY: this runs the constructors of the file, and of libraries that it needs: that is what somebody who installs a
    // plugin asks for. A crash in them is told with the plugin's name.
    let library = unsafe { Library::open(Some(spelled), RTLD_NOW | RTLD_LOCAL) }
        .map_err(|error| format!("it cannot be loaded: {}", loader_text(&error, spelled)))?;
    let symbol = format!("{}{}", abi::SYMBOL_PREFIX, names::word(name));
    // SAFETY: the symbol is taken for the address of a descriptor, at which nothing is read before the check.
    let found = unsafe { library.get::<*const abi::Plugin>(symbol.as_bytes()) };
    let at: *const abi::Plugin = found
        .map(|symbol| symbol.into_raw().cast_const().cast())
        .map_err(|_| format!("it has no descriptor {symbol}"))?;
    // Never closed: what it gave is used for the rest of the process.
    std::mem::forget(library);
    ready(checked(at, name, Origin::File(path.to_owned(), identity), owner)?)
}

/// Takes a plugin that is linked into the program.
pub fn built_in(descriptor: &'static abi::Plugin) -> Result<&'static Plugin, String> {
    ready(linked_in(descriptor)?)
}

/// What a plugin that is linked into the program says of itself: all of it is checked, and none of it is called. For whoever
/// shows it once, as each call keeps some memory.
///
/// # Errors
/// In one line, what is wrong with its descriptor.
pub fn linked_in(descriptor: &'static abi::Plugin) -> Result<&'static Plugin, String> {
    let name = check::name_of(descriptor)?;
    let owner = Owner::new(note_text(name, None));
    checked(descriptor, name, Origin::BuiltIn, owner)
}

fn checked(
    at: *const abi::Plugin,
    name: &str,
    origin: Origin,
    owner: &'static Owner,
) -> Result<&'static Plugin, String> {
    let (descriptor, segments) = check::descriptor(at, name)?;
    // SAFETY: the descriptor passed the check with these segments. They stay: they are the program's, or of a library that is
    // never closed.
    let plugin = unsafe { Plugin::new(descriptor, segments, origin, owner) };
    Ok(Box::leak(Box::new(plugin)))
}

/// The plugin, if it says that it is ready.
fn ready(plugin: &'static Plugin) -> Result<&'static Plugin, String> {
    asking::load(plugin).map(|()| plugin)
}

/// What notes about crashes have as owner: the name, and which content of the file it was.
pub fn note_text(name: &str, identity: Option<Identity>) -> String {
    match identity {
        Some(Identity { size, sum }) => format!("{name} {size:x}-{sum:08x}"),
        None => name.to_owned(),
    }
}

/// Reads a text of `note_text`.
pub fn parse_note_text(text: &str) -> Option<(&str, Option<Identity>)> {
    let Some((name, identity)) = text.split_once(' ') else {
        return Some((text, None));
    };
    let (size, sum) = identity.split_once('-')?;
    let size = u64::from_str_radix(size, 16).ok()?;
    let sum = u32::from_str_radix(sum, 16).ok()?;
    Some((name, Some(Identity { size, sum })))
}

/// What the loader says begins with the file, which whoever shows it names already.
fn loader_text(error: &libloading::Error, path: &Path) -> String {
    let text = match std::error::Error::source(error) {
        Some(source) => source.to_string(),
        None => error.to_string(),
    };
    let path = format!("{}: ", path.display());
    let text = text.strip_prefix(&path).unwrap_or(&text);
    text.replace('\n', " ")
}

/// Reads a file's identity.
pub fn identity(path: &Path) -> Result<Identity, String> {
    let read = || {
        let mut file = File::open(path)?;
        let (mut digest, mut size) = (CRC.digest(), 0);
        let mut buffer = vec![0; 64 << 10];
        loop {
            match file.read(&mut buffer)? {
                0 => break,
                n => {
                    digest.update(&buffer[..n]);
                    size += n as u64;
                }
            }
        }
        Ok(Identity {
            size,
            sum: digest.finalize(),
        })
    };
    read().map_err(|error: std::io::Error| format!("it cannot be read: {error}"))
}

/// With a table of one kibibyte: files are read once each time a process opens them.
static CRC: crc::Crc<u32, crc::Table<1>> = crc::Crc::<u32, crc::Table<1>>::new(&crc::CRC_32_ISO_HDLC);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_tell_name_and_content() {
        let identity = Identity {
            size: 0x1234,
            sum: 0xab,
        };
        let text = note_text("example.org/echo", Some(identity));
        assert_eq!(text, "example.org/echo 1234-000000ab");
        assert_eq!(parse_note_text(&text), Some(("example.org/echo", Some(identity))));
        assert_eq!(parse_note_text("echo"), Some(("echo", None)));
        for bad in ["echo ", "echo 12", "echo x-1", "echo 1-x", "echo 1-2 3"] {
            assert_eq!(parse_note_text(bad), None, "{bad}");
        }
        let longest = note_text(
            &"n".repeat(abi::NAME_MAX as usize),
            Some(Identity {
                size: u64::MAX,
                sum: 0,
            }),
        );
        assert!(longest.len() <= crash::TEXT_MAX);
    }
}
