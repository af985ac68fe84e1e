//! Entries of folders: what they are, making, renaming and removing them.

use std::fs::{self, FileType, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::rc::Rc;

use mlua::{Lua, LuaString, Result, Table};

use crate::Context;
use crate::api::options::{Options, invalid};
use crate::api::support::{blocking, path};
use crate::call::Functions;
use crate::errors::raise_io;

/// Bits of a mode that say who may do what.
const PERMISSIONS: u32 = 0o7777;

/// Adds the functions of this file.
pub fn register(add: &Functions<'_>, cx: &Rc<Context>) -> Result<()> {
    add.value("exists", exists)?;
    add.value("stat", stat)?;
    add.waiting(cx, "list", list)?;
    add.waiting(cx, "mkdir", mkdir)?;
    add.waiting(cx, "remove", remove)?;
    add.waiting(cx, "rename", rename)
}

/// The kind of an entry, as scripts see it.
pub fn kind(of: FileType) -> &'static str {
    if of.is_file() {
        "file"
    } else if of.is_dir() {
        "dir"
    } else if of.is_symlink() {
        "link"
    } else if of.is_fifo() {
        "fifo"
    } else if of.is_socket() {
        "socket"
    } else if of.is_char_device() {
        "char"
    } else {
        "block"
    }
}

fn exists(_: &Lua, (name,): (LuaString,)) -> Result<bool> {
    let target = path("fs.exists", &name)?;
    // Not `Path::exists`: what may not be looked at is an error, not absent.
    target
        .try_exists()
        .map_err(|error| raise_io(&format!("look for {}", target.display()), &error))
}

fn stat(lua: &Lua, (name, options): (LuaString, Option<Table>)) -> Result<Table> {
    let target = path("fs.stat", &name)?;
    let options = Options::new("fs.stat", options, &["link"])?;
    let found = if options.flag("link")? {
        fs::symlink_metadata(&target)
    } else {
        fs::metadata(&target)
    };
    let meta = found.map_err(|error| raise_io(&format!("stat {}", target.display()), &error))?;
    stat_table(lua, &meta)
}

fn stat_table(lua: &Lua, meta: &Metadata) -> Result<Table> {
    let table = lua.create_table_with_capacity(0, 9)?;
    table.raw_set("kind", kind(meta.file_type()))?;
    table.raw_set("size", i64::try_from(meta.size()).unwrap_or(i64::MAX))?;
    // Times of the file system are signed seconds and nanoseconds.
    table.raw_set("mtime", meta.mtime() as f64 + meta.mtime_nsec() as f64 / 1e9)?;
    table.raw_set("mode", meta.mode() & PERMISSIONS)?;
    table.raw_set("uid", meta.uid())?;
    table.raw_set("gid", meta.gid())?;
    table.raw_set("links", meta.nlink() as i64)?;
    table.raw_set("inode", meta.ino() as i64)?;
    table.raw_set("device", meta.dev() as i64)?;
    Ok(table)
}

/// Names in a folder, in the order of their bytes.
pub fn names_in(folder: &Path) -> io::Result<Vec<Vec<u8>>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.push(entry?.file_name().as_bytes().to_vec());
    }
    gshell_small::sort(&mut names);
    Ok(names)
}

async fn list(lua: Lua, cx: Rc<Context>, (name,): (Option<LuaString>,)) -> Result<Table> {
    let folder = name.map_or_else(|| Ok(".".into()), |name| path("fs.list", &name))?;
    let reading = folder.clone();
    let names = blocking(
        &cx,
        || format!("list {}", folder.display()),
        move || names_in(&reading),
    )
    .await?;
    let table = lua.create_table_with_capacity(names.len(), 0)?;
    for name in names {
        table.raw_push(lua.create_string(name)?)?;
    }
    Ok(table)
}

async fn mkdir(lua: Lua, cx: Rc<Context>, (name, options): (LuaString, Option<Table>)) -> Result<()> {
    let folder = path("fs.mkdir", &name)?;
    let options = Options::new("fs.mkdir", options, &["parents", "mode"])?;
    let mut builder = fs::DirBuilder::new();
    builder.recursive(options.flag("parents")?);
    if let Some(mode) = super::content::mode(&lua, &options, "fs.mkdir")? {
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, mode);
    }
    let making = folder.clone();
    blocking(
        &cx,
        || format!("make folder {}", folder.display()),
        move || builder.create(making),
    )
    .await
}

async fn remove(_: Lua, cx: Rc<Context>, (name, options): (LuaString, Option<Table>)) -> Result<bool> {
    let target = path("fs.remove", &name)?;
    let options = Options::new("fs.remove", options, &["recursive", "missing"])?;
    let (recursive, missing) = (options.flag("recursive")?, options.flag("missing")?);
    if recursive
        && matches!(
            super::paths::basename(target.as_os_str().as_bytes()),
            b"/" | b"." | b".."
        )
    {
        return Err(invalid(
            "fs.remove",
            &format!("refusing to remove all of {}", target.display()),
        ));
    }
    let removing = target.clone();
    blocking(
        &cx,
        || format!("remove {}", target.display()),
        move || match remove_entry(&removing, recursive) {
            Ok(()) => Ok(true),
            Err(error) if missing && error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        },
    )
    .await
}

/// Removes a file, a link (never what it points to), or a folder: an empty one, or with all that is in it.
fn remove_entry(target: &Path, recursive: bool) -> io::Result<()> {
    if !fs::symlink_metadata(target)?.is_dir() {
        fs::remove_file(target)
    } else if recursive {
        fs::remove_dir_all(target)
    } else {
        fs::remove_dir(target)
    }
}

async fn rename(_: Lua, cx: Rc<Context>, (from, to): (LuaString, LuaString)) -> Result<()> {
    let (from, to) = (path("fs.rename", &from)?, path("fs.rename", &to)?);
    let what = format!("rename {} to {}", from.display(), to.display());
    blocking(&cx, || what, move || fs::rename(from, to)).await
}
