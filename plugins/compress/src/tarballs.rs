//! tar, also with gzip around it.
//!
//! An archive is read twice. The first time only its structure is looked at: how many entries and bytes there are, and
//! whether it ends early, before anything is written. The second time it is unpacked.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, UNIX_EPOCH};

use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;
use gshell_plugin_sdk::{Call, Code, Error, Result};
use tar::{Archive, Builder, EntryType, Header};

use crate::bounds::{self, Budget, Exactly, Watched};
use crate::entries::{self, Done, Draft, Entry, Item, Packing, shown};
use crate::place::{self, Folder};
use crate::{errors, streams};

/// Bytes of a long name or of other facts that stand before an entry: they are read into memory.
const FACTS_MAX: u64 = 64 << 10;
/// What gzip begins with.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// An archive that is read.
pub struct Source<'a, 'c> {
    call: &'a Call<'c>,
    path: &'a str,
    file: File,
}

type Found<'r, 'a> = tar::Entry<'r, Box<dyn Read + 'a>>;

impl<'a, 'c> Source<'a, 'c> {
    /// Opens one and looks at its structure.
    ///
    /// # Errors
    /// When it is no archive, is damaged, or is beyond the budget.
    pub fn open(call: &'a Call<'c>, path: &'a str, budget: &mut Budget) -> Result<Source<'a, 'c>> {
        let file = File::open(path).map_err(|error| errors::at(path, error))?;
        let source = Source { call, path, file };
        source.check(budget)?;
        Ok(source)
    }

    fn archive(&self) -> Result<Archive<Box<dyn Read + '_>>> {
        let failed = |error| errors::at(self.path, error);
        let (mut begin, mut file) = (Vec::new(), &self.file);
        file.rewind().map_err(failed)?;
        file.take(GZIP.len() as u64)
            .read_to_end(&mut begin)
            .map_err(failed)?;
        file.rewind().map_err(failed)?;
        let reader = BufReader::new(Watched::new(self.call, file));
        Ok(Archive::new(if begin == GZIP {
            Box::new(MultiGzDecoder::new(reader))
        } else {
            Box::new(reader)
        }))
    }

    fn check(&self, budget: &mut Budget) -> Result<()> {
        let failed = |error| errors::at(self.path, error);
        let mut archive = self.archive()?;
        for entry in archive.entries().map_err(failed)?.raw(true) {
            let mut entry = entry.map_err(failed)?;
            let name = entry.path_bytes().into_owned();
            let refused = |error: &Error| errors::about(shown(self.path, &name), error);
            let kind = entry.header().entry_type();
            if kind.is_gnu_longname()
                || kind.is_gnu_longlink()
                || kind.is_pax_local_extensions()
                || kind.is_pax_global_extensions()
            {
                facts(&mut entry).map_err(|error| refused(&error))?;
                continue;
            }
            if kind.is_gnu_sparse() {
                let error = errors::invalid("it is a sparse file; pack it without --sparse");
                return Err(refused(&error));
            }
            let counted = budget.entry().and_then(|()| budget.bytes(entry.size()));
            counted.map_err(|error| refused(&error))?;
        }
        Ok(())
    }

    /// Goes over all entries with their names.
    ///
    /// # Errors
    /// Those of `each`, which get the entry's name, and of the archive.
    pub fn each(
        &self,
        mut each: impl FnMut(&mut Found<'_, '_>, &[u8]) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let failed = |error| errors::at(self.path, error);
        let mut archive = self.archive()?;
        for entry in archive.entries().map_err(failed)? {
            let mut entry = entry.map_err(failed)?;
            if entry.header().entry_type().is_pax_global_extensions() {
                continue;
            }
            let name = entry.path_bytes().into_owned();
            let done = each(&mut entry, &name);
            if done
                .map_err(|error| errors::about(shown(self.path, &name), &error))?
                .is_break()
            {
                break;
            }
        }
        Ok(())
    }
}

/// Looks at what stands before an entry. A size in it would make this walk and the next one differ.
fn facts(entry: &mut Found<'_, '_>) -> Result<()> {
    if entry.size() > FACTS_MAX {
        let text = format!(
            "its name and other facts have {} bytes, more than {FACTS_MAX}",
            entry.size()
        );
        return Err(Error::new(Code::Limit, text));
    }
    let has_size = |list: tar::PaxExtensions<'_>| list.flatten().any(|fact| fact.key_bytes() == b"size");
    if entry.header().entry_type().is_pax_local_extensions() {
        let mut bytes = Vec::new();
        entry
            .read_to_end(&mut bytes)
            .map_err(|error| errors::at("its facts", error))?;
        if has_size(tar::PaxExtensions::new(&bytes)) {
            return Err(errors::invalid(
                "its size stands in an extension, as that of files over 8 GiB",
            ));
        }
    }
    Ok(())
}

/// What an entry is, in the words of scripts; folders of very old archives end with `/`.
fn kind(kind: EntryType, name: &[u8]) -> &'static str {
    match kind {
        EntryType::Regular | EntryType::Continuous if name.last() == Some(&b'/') => "folder",
        EntryType::Regular | EntryType::Continuous => "file",
        EntryType::Directory => "folder",
        EntryType::Symlink => "link",
        EntryType::Link => "hard link",
        _ => "other",
    }
}

/// All entries.
///
/// # Errors
/// As for [`Source::open`].
pub fn list(call: &Call<'_>, path: &str, mut budget: Budget) -> Result<Vec<Entry>> {
    let mut found = Vec::new();
    Source::open(call, path, &mut budget)?.each(|entry, name| {
        let header = entry.header();
        found.push(Entry {
            name: name.to_vec(),
            kind: kind(header.entry_type(), name).to_owned(),
            size: entries::signed(entry.size()),
            mode: header.mode().ok(),
            modified: header.mtime().ok().map(entries::signed),
            target: entry.link_name_bytes().map(|target| target.into_owned()),
        });
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}

/// The content of a file in it.
///
/// # Errors
/// When there is none of this name, or it is too large.
pub fn read(call: &Call<'_>, path: &str, name: &str, limit: u64) -> Result<Vec<u8>> {
    let wanted = place::parts(name.as_bytes()).map_err(|error| errors::about(name, &error))?;
    let (mut content, mut whole) = (None, Budget::new(u64::MAX, u32::MAX));
    Source::open(call, path, &mut whole)?.each(|entry, name| {
        if place::parts(name).is_ok_and(|parts| parts == wanted) {
            match kind(entry.header().entry_type(), name) {
                "file" => {}
                other => return Err(errors::invalid(format!("it is no file, but a {other}"))),
            }
            let (mut bytes, mut budget) = (Vec::new(), Budget::new(limit, 0));
            bounds::copy(call, entry, &mut bytes, &mut budget)
                .map_err(|error| errors::at("its content", error))?;
            // A later one of the same name counts.
            content = Some(bytes);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    content.ok_or_else(|| Error::new(Code::NotFound, format!("{path}: it has no entry {name:?}")))
}

/// Unpacks all of it into a folder.
///
/// # Errors
/// When an entry does not stay in the folder, or is no file, folder or link.
pub fn extract(call: &Call<'_>, path: &str, folder: &str, mut budget: Budget) -> Result<Done> {
    let source = Source::open(call, path, &mut budget)?;
    let mut done = Done {
        entries: budget.entries_taken(),
        bytes: 0,
    };
    let mut left = Budget::new(budget.bytes_taken(), 0);
    let folder = Folder::at(folder)?;
    source.each(|entry, name| {
        unpack(call, &folder, entry, name, &mut left)?;
        Ok(ControlFlow::Continue(()))
    })?;
    done.bytes = entries::signed(left.bytes_taken());
    Ok(done)
}

fn unpack(
    call: &Call<'_>,
    folder: &Folder,
    entry: &mut Found<'_, '_>,
    name: &[u8],
    left: &mut Budget,
) -> Result<()> {
    let header = entry.header();
    let (kind, mode, modified) = (header.entry_type(), header.mode(), header.mtime());
    let target = entry.link_name_bytes().unwrap_or_default().into_owned();
    match self::kind(kind, name) {
        "file" => {
            let mut file = folder.file(name, mode.unwrap_or(0o644))?;
            bounds::copy(call, entry, &mut file, left).map_err(|error| errors::at("its content", error))?;
            let time = modified
                .ok()
                .and_then(|seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds)));
            if let Some(time) = time {
                file.set_modified(time)
                    .map_err(|error| errors::at("its time", error))?;
            }
            Ok(())
        }
        "folder" => folder.folder(name, mode.unwrap_or(0o755)),
        "link" => folder.link(name, &target),
        "hard link" => folder.hard_link(name, &target),
        _ => Err(errors::invalid(
            "it is a device or the like; files, folders and links can be unpacked",
        )),
    }
}

/// Packs a folder.
///
/// # Errors
/// When something cannot be read or written.
pub fn create(call: &Call<'_>, path: &str, folder: &str, options: &Packing) -> Result<Done> {
    let level = streams::level(options.level)?;
    let items = entries::items(call, folder, options.names.as_deref())?;
    let is_gzip = options
        .gzip
        .unwrap_or_else(|| [".gz", ".tgz"].iter().any(|end| path.ends_with(end)));
    let (draft, file) = Draft::new(path)?;
    let failed = |error: io::Error| errors::at(path, error);
    let (done, file): (Done, BufWriter<File>) = if is_gzip {
        let (done, packed) = fill(call, GzEncoder::new(file, level), &items, &draft)?;
        (done, packed.finish().map_err(failed)?)
    } else {
        fill(call, file, &items, &draft)?
    };
    draft.keep(file)?;
    Ok(done)
}

fn fill<W: Write>(call: &Call<'_>, into: W, items: &[Item], draft: &Draft) -> Result<(Done, W)> {
    let (mut builder, mut done) = (Builder::new(into), Done::default());
    for item in items.iter().filter(|item| !draft.is(item)) {
        let failed = |error: io::Error| errors::at(item.path.display(), error);
        let mut header = header(item);
        if item.facts.is_symlink() {
            header.set_entry_type(EntryType::Symlink);
            builder
                .append_link(&mut header, &item.name, entries::target(item)?)
                .map_err(failed)?;
        } else if item.facts.is_dir() {
            header.set_entry_type(EntryType::Directory);
            builder
                .append_data(&mut header, &item.name, io::empty())
                .map_err(failed)?;
        } else {
            header.set_size(item.facts.len());
            let file = File::open(&item.path).map_err(failed)?;
            let content = Exactly::new(Watched::new(call, file), item.facts.len());
            builder
                .append_data(&mut header, &item.name, content)
                .map_err(failed)?;
            done.bytes = done.bytes.saturating_add(entries::signed(item.facts.len()));
        }
        done.entries += 1;
    }
    let into = builder
        .into_inner()
        .map_err(|error| errors::at("the archive", error))?;
    Ok((done, into))
}

/// Without the owner: who unpacks it owns it.
fn header(item: &Item) -> Header {
    let mut header = Header::new_gnu();
    header.set_mode(item.facts.mode() & 0o777);
    header.set_mtime(u64::try_from(item.facts.mtime()).unwrap_or(0));
    header.set_size(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}
