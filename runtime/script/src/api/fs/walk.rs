//! Finding entries: `fs.walk` through a tree, `fs.glob` by a pattern.

use std::cell::RefCell;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use mlua::{Function, Lua, LuaString, Result, Table};

use super::entries::{kind, names_in};
use super::paths;
use crate::Context;
use crate::api::options::Options;
use crate::api::support::{blocking, path};
use crate::call::Functions;
use crate::errors::raise;

/// Paths that `glob` gives at most.
const MAX_FOUND: usize = 100_000;

/// Adds the functions of this file.
pub fn register(add: &Functions<'_>, cx: &Rc<Context>) -> Result<()> {
    add.waiting(cx, "walk", walk)?;
    add.waiting(cx, "glob", glob)
}

/// An entry that was found and not given yet.
struct Entry {
    path: PathBuf,
    kind: &'static str,
    depth: u32,
}

/// What is still to be given, the next one last.
type Open = Rc<RefCell<Vec<Entry>>>;

async fn walk(lua: Lua, cx: Rc<Context>, (name, options): (LuaString, Option<Table>)) -> Result<Function> {
    let root = path("fs.walk", &name)?;
    let options = Options::new("fs.walk", options, &["depth"])?;
    let most = options.get::<u32>(&lua, "depth")?.unwrap_or(u32::MAX);
    let entries = open_folder(&cx, root, 1, true).await?;
    let open: Open = Rc::new(RefCell::new(entries));
    let maker = Rc::clone(&cx);
    maker.async_function(&lua, move |lua, ()| {
        next(lua, Rc::clone(&cx), Rc::clone(&open), most)
    })
}

/// Gives one entry; a folder's own entries come right after it.
async fn next(
    lua: Lua,
    cx: Rc<Context>,
    open: Open,
    most: u32,
) -> Result<(Option<LuaString>, Option<&'static str>, Option<u32>)> {
    let Some(entry) = open.borrow_mut().pop() else {
        return Ok((None, None, None));
    };
    let name = lua.create_string(entry.path.as_os_str().as_bytes())?;
    if entry.kind == "dir" && entry.depth < most {
        let inside = open_folder(&cx, entry.path, entry.depth + 1, false).await?;
        open.borrow_mut().extend(inside);
    }
    Ok((Some(name), Some(entry.kind), Some(entry.depth)))
}

/// Entries of a folder, last name first. Below the root, a folder that has gone meanwhile, or may not be
/// read, has none: one such folder must not end the walk.
async fn open_folder(cx: &Context, folder: PathBuf, depth: u32, root: bool) -> Result<Vec<Entry>> {
    let reading = folder.clone();
    blocking(
        cx,
        || format!("list {}", folder.display()),
        move || match entries_of(&reading, depth) {
            Err(error) if !root && passed_over(&error) => Ok(Vec::new()),
            other => other,
        },
    )
    .await
}

fn passed_over(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::NotFound | ErrorKind::PermissionDenied | ErrorKind::NotADirectory
    )
}

fn entries_of(folder: &Path, depth: u32) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // The kind comes with the listing on almost all file systems; links are not followed.
        let Ok(found) = entry.file_type() else { continue };
        entries.push(Entry {
            path: entry.path(),
            kind: kind(found),
            depth,
        });
    }
    gshell_small::sort_by(&mut entries, |a, b| b.path.cmp(&a.path));
    Ok(entries)
}

async fn glob(lua: Lua, cx: Rc<Context>, (pattern,): (LuaString,)) -> Result<Table> {
    let pattern = path("fs.glob", &pattern)?;
    let searching = pattern.clone();
    let what = || format!("look for {}", pattern.display());
    let found = blocking(&cx, what, move || Ok(expand(searching.as_os_str().as_bytes()))).await?;
    if found.len() > MAX_FOUND {
        return Err(raise(
            "limit",
            format!(
                "fs.glob: {} matches more than {MAX_FOUND} paths",
                pattern.display()
            ),
        ));
    }
    let list = lua.create_table_with_capacity(found.len(), 0)?;
    for name in found {
        list.raw_push(lua.create_string(name)?)?;
    }
    Ok(list)
}

/// Paths that match, sorted; what cannot be read matches nothing.
fn expand(pattern: &[u8]) -> Vec<Vec<u8>> {
    let mut found: Vec<Vec<u8>> = vec![if pattern.starts_with(b"/") {
        b"/".to_vec()
    } else {
        Vec::new()
    }];
    let parts: Vec<&[u8]> = pattern
        .split(|&byte| byte == b'/')
        .filter(|part| !part.is_empty())
        .collect();
    for part in parts {
        let mut next = Vec::new();
        for base in &found {
            if next.len() > MAX_FOUND {
                break;
            }
            if paths::is_wild(part) {
                let folder: &[u8] = if base.is_empty() { b"." } else { base };
                let names = names_in(Path::new(std::ffi::OsStr::from_bytes(folder))).unwrap_or_default();
                let matching = names.iter().filter(|name| paths::matches(part, name));
                next.extend(matching.map(|name| paths::join([base.as_slice(), name.as_slice()])));
            } else {
                next.push(paths::join([base.as_slice(), part]));
            }
        }
        found = next;
    }
    found.retain(|name| fs::symlink_metadata(std::ffi::OsStr::from_bytes(name)).is_ok());
    found
}
