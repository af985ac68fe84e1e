//! zip, with entries that are stored or deflated.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, UNIX_EPOCH};

use gshell_plugin_sdk::{Call, Code, Error, Result};
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use crate::bounds::{self, Budget, Exactly, Watched};
use crate::entries::{self, Done, Draft, Entry, Item, Packing, shown};
use crate::place::{self, Folder};
use crate::{dates, errors, streams};

/// Bytes of a link's target.
const TARGET_MAX: u64 = 4096;

type Reader<'a, 'c> = BufReader<Watched<'a, 'c, File>>;
type Found<'r, 'a, 'c> = zip::read::ZipFile<'r, Reader<'a, 'c>>;

/// An archive that is read.
struct Source<'a, 'c> {
    path: &'a str,
    archive: ZipArchive<Reader<'a, 'c>>,
}

/// What goes wrong in an archive, as an error of ours.
fn failed(what: &str, error: ZipError) -> Error {
    match error {
        ZipError::Io(error) => errors::at(what, error),
        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) => {
            errors::invalid(format!("{what}: it is encrypted, which is not supported"))
        }
        ZipError::CompressionMethodNotSupported(number) => errors::invalid(format!(
            "{what}: it is packed by method {number}; stored (0) and deflated (8) are supported"
        )),
        error => errors::invalid(format!("{what}: {error}")),
    }
}

impl<'a, 'c> Source<'a, 'c> {
    fn open(call: &'a Call<'c>, path: &'a str) -> Result<Source<'a, 'c>> {
        let file = File::open(path).map_err(|error| errors::at(path, error))?;
        let reader = BufReader::new(Watched::new(call, file));
        let archive = ZipArchive::new(reader).map_err(|error| failed(path, error))?;
        Ok(Source { path, archive })
    }

    fn name(&self, index: usize) -> String {
        self.archive.name_for_index(index).unwrap_or_default().to_owned()
    }

    /// Calls for an entry, whose name is put into errors.
    fn at<T>(&mut self, index: usize, each: impl FnOnce(&mut Found<'_, 'a, 'c>) -> Result<T>) -> Result<T> {
        let shown = shown(self.path, self.name(index).as_bytes());
        let mut entry = self
            .archive
            .by_index(index)
            .map_err(|error| failed(&shown, error))?;
        each(&mut entry).map_err(|error| errors::about(&shown, &error))
    }
}

/// The target of a link, which is its content.
fn target(entry: &mut Found<'_, '_, '_>) -> Result<Vec<u8>> {
    let mut target = Vec::new();
    let read = entry.take(TARGET_MAX + 1).read_to_end(&mut target);
    read.map_err(|error| errors::at("its target", error))?;
    if target.len() as u64 > TARGET_MAX {
        return Err(errors::invalid(format!(
            "its target has more than {TARGET_MAX} bytes"
        )));
    }
    Ok(target)
}

/// All entries.
///
/// # Errors
/// When it is no archive or damaged.
pub fn list(call: &Call<'_>, path: &str, mut budget: Budget) -> Result<Vec<Entry>> {
    let mut source = Source::open(call, path)?;
    let mut found = Vec::new();
    for index in 0..source.archive.len() {
        budget.entry().map_err(|error| errors::about(path, &error))?;
        let shown = shown(path, source.name(index).as_bytes());
        // Without unpacking it: of an encrypted one, too.
        let entry = source
            .archive
            .by_index_raw(index)
            .map_err(|error| failed(&shown, error))?;
        let is_link = entry.is_symlink() && !entry.encrypted();
        found.push(Entry {
            name: entry.name().as_bytes().to_vec(),
            kind: match (entry.is_symlink(), entry.is_dir()) {
                (true, _) => "link",
                (_, true) => "folder",
                _ => "file",
            }
            .to_owned(),
            size: entries::signed(entry.size()),
            mode: entry.unix_mode().map(|mode| mode & 0o7777),
            modified: entry.last_modified().map(dates::to_unix),
            target: None,
        });
        drop(entry);
        if is_link && let Some(last) = found.last_mut() {
            last.target = Some(source.at(index, target)?);
        }
    }
    Ok(found)
}

/// The content of a file in it.
///
/// # Errors
/// When there is none of this name, or it is too large.
pub fn read(call: &Call<'_>, path: &str, name: &str, limit: u64) -> Result<Vec<u8>> {
    let wanted = place::parts(name.as_bytes()).map_err(|error| errors::about(name, &error))?;
    let mut source = Source::open(call, path)?;
    let is_wanted =
        |index: &usize| place::parts(source.name(*index).as_bytes()).is_ok_and(|parts| parts == wanted);
    let Some(index) = (0..source.archive.len()).rev().find(is_wanted) else {
        return Err(Error::new(
            Code::NotFound,
            format!("{path}: it has no entry {name:?}"),
        ));
    };
    source.at(index, |entry| {
        if !entry.is_file() {
            return Err(errors::invalid("it is no file"));
        }
        let (mut bytes, mut budget) = (Vec::new(), Budget::new(limit, 0));
        bounds::copy(call, entry, &mut bytes, &mut budget)
            .map_err(|error| errors::at("its content", error))?;
        Ok(bytes)
    })
}

/// Unpacks all of it into a folder.
///
/// # Errors
/// When an entry does not stay in the folder, is encrypted or damaged, or goes beyond the budget.
pub fn extract(call: &Call<'_>, path: &str, folder: &str, mut budget: Budget) -> Result<Done> {
    let mut source = Source::open(call, path)?;
    // What it says is looked at before anything is written; what comes is counted again, as it may be more.
    let mut said = Budget::new(budget.limit(), 0);
    for index in 0..source.archive.len() {
        let shown = shown(path, source.name(index).as_bytes());
        let entry = source
            .archive
            .by_index_raw(index)
            .map_err(|error| failed(&shown, error))?;
        let counted = budget.entry().and_then(|()| said.bytes(entry.size()));
        let named = counted.and_then(|()| place::parts(entry.name().as_bytes()).map(drop));
        named.map_err(|error| errors::about(&shown, &error))?;
    }
    let folder = Folder::at(folder)?;
    for index in 0..source.archive.len() {
        source.at(index, |entry| unpack(call, &folder, entry, &mut budget))?;
    }
    Ok(Done {
        entries: budget.entries_taken(),
        bytes: entries::signed(budget.bytes_taken()),
    })
}

fn unpack(
    call: &Call<'_>,
    folder: &Folder,
    entry: &mut Found<'_, '_, '_>,
    budget: &mut Budget,
) -> Result<()> {
    let (name, mode) = (entry.name().as_bytes().to_vec(), entry.unix_mode());
    if entry.is_symlink() {
        return folder.link(&name, &target(entry)?);
    }
    if entry.is_dir() {
        return folder.folder(&name, mode.unwrap_or(0o755));
    }
    let mut file = folder.file(&name, mode.unwrap_or(0o644))?;
    bounds::copy(call, entry, &mut file, budget).map_err(|error| errors::at("its content", error))?;
    let seconds = entry.last_modified().map(dates::to_unix);
    let seconds = seconds.and_then(|seconds| u64::try_from(seconds).ok());
    match seconds.and_then(|seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds))) {
        Some(time) => file
            .set_modified(time)
            .map_err(|error| errors::at("its time", error)),
        None => Ok(()),
    }
}

/// Packs a folder.
///
/// # Errors
/// When something cannot be read or written, or a name is not UTF-8.
pub fn create(call: &Call<'_>, path: &str, folder: &str, options: &Packing) -> Result<Done> {
    let level = streams::level(options.level)?.level();
    let items = entries::items(call, folder, options.names.as_deref())?;
    let (draft, file) = Draft::new(path)?;
    let (mut writer, mut done) = (ZipWriter::new(file), Done::default());
    for item in items.iter().filter(|item| !draft.is(item)) {
        let shown = item.path.display().to_string();
        let name = item.name.to_str();
        let name = name.ok_or_else(|| {
            errors::invalid(format!("{shown}: its name is not UTF-8, as names in a zip are"))
        })?;
        let added =
            add(call, &mut writer, item, name, level).map_err(|error| errors::about(&shown, &error))?;
        done.bytes = done.bytes.saturating_add(entries::signed(added));
        done.entries += 1;
    }
    let file = writer.finish().map_err(|error| failed(path, error))?;
    draft.keep(file)?;
    Ok(done)
}

/// Adds an entry; gives its bytes.
fn add(
    call: &Call<'_>,
    writer: &mut ZipWriter<BufWriter<File>>,
    item: &Item,
    name: &str,
    level: u32,
) -> Result<u64> {
    let method = match level {
        0 => CompressionMethod::Stored,
        _ => CompressionMethod::Deflated,
    };
    let size = item.facts.len();
    let options = SimpleFileOptions::default()
        .compression_method(method)
        .compression_level((level > 0).then_some(level.into()))
        .unix_permissions(item.facts.mode() & 0o777)
        .last_modified_time(modified(item))
        .large_file(size >= u32::MAX.into());
    let of_zip = |error| failed("zip", error);
    if item.facts.is_symlink() {
        let target = entries::target(item)?;
        let target = std::str::from_utf8(target.as_os_str().as_bytes());
        let target = target.map_err(|_| errors::invalid("its target is not UTF-8, as names in a zip are"))?;
        writer.add_symlink(name, target, options).map_err(of_zip)?;
        return Ok(0);
    }
    if item.facts.is_dir() {
        writer.add_directory(name, options).map_err(of_zip)?;
        return Ok(0);
    }
    writer.start_file(name, options).map_err(of_zip)?;
    let of_file = |error: io::Error| errors::at("its content", error);
    let file = File::open(&item.path).map_err(of_file)?;
    let mut content = Exactly::new(Watched::new(call, file), size);
    io::copy(&mut content, writer).map_err(of_file)?;
    writer.flush().map_err(of_file)?;
    Ok(size)
}

fn modified(item: &Item) -> DateTime {
    dates::from_unix(item.facts.mtime())
}
