//! What a descriptor says is believed only after this has looked at it: first the numbers that decide whether anything else may
//! be read, then everything that is reached from it. Nothing is followed that does not lie in the plugin's own loaded segments.
//!
//! It keeps mistakes and mismatches out, not malice: who opens a file has run its code already.

mod messages;
mod reader;
pub mod segments;
mod tables;
#[cfg(test)]
mod tests;

use gshell_plugin_abi as abi;

use crate::file::names;
use reader::Reader;
use segments::Segments;

/// Bounds of what one plugin may bring. They are far above what anybody needs, and keep a wild number from being believed.
pub mod bounds {
    /// Functions, and methods of one class.
    pub const FUNCTIONS: u32 = 4096;
    /// Constants.
    pub const CONSTANTS: u32 = 8192;
    /// Messages.
    pub const MESSAGES: u32 = 2048;
    /// Classes.
    pub const CLASSES: u32 = 256;
    /// Services.
    pub const SERVICES: u32 = 64;
    /// Handlers of one service.
    pub const HANDLERS: u32 = 1024;
    /// Replies of one handler.
    pub const REPLIES: u32 = 64;
    /// Bytes of a name in a table.
    pub const WORD: u32 = 127;
    /// Bytes of a message's name: as scripts have it.
    pub const MESSAGE_NAME: u32 = 200;
    /// Bytes of a version, as the note has it.
    pub const VERSION: u32 = 31;
    /// Bytes of a line for people.
    pub const LINE: u32 = 1024;
    /// Bytes of a help text.
    pub const HELP: u32 = 64 << 10;
    /// Bytes of a constant.
    pub const CONSTANT: u32 = 16 << 20;
    /// Bytes of Lua source.
    pub const SOURCE: u32 = 4 << 20;
    /// Bytes that any struct may say that it has.
    pub const STRUCT: u32 = 64 << 10;
}

/// Checks a descriptor and all that is reached from it: it has to be of the plugin `name`. Gives it back as what it now is,
/// with the segments in which all of it lies.
///
/// # Errors
/// In one line, what is wrong with it.
pub fn descriptor(at: *const abi::Plugin, name: &str) -> Result<(&'static abi::Plugin, Segments), String> {
    let segments = Segments::around(at.addr());
    let checked = within(at, name, &segments)?;
    Ok((checked, segments))
}

/// As [`descriptor`], with segments that are known.
fn within(at: *const abi::Plugin, name: &str, segments: &Segments) -> Result<&'static abi::Plugin, String> {
    let reader = Reader { segments };
    let head = reader.one::<Head>("the descriptor", at.cast())?;
    check_head(head)?;
    // Only now: the ABI says how much of it there is.
    let plugin = reader.sized("the descriptor", at, head.size)?;
    check_names(&reader, plugin, name)?;
    tables::check(&reader, plugin)?;
    messages::check(&reader, plugin)?;
    if plugin.load.is_some() {
        reader.code("the function load", plugin.load.map(|load| load as usize))?;
    }
    Ok(plugin)
}

/// The name of a descriptor that is linked in.
///
/// # Errors
/// When it is none.
pub fn name_of(descriptor: &'static abi::Plugin) -> Result<&'static str, String> {
    let segments = Segments::around(std::ptr::from_ref(descriptor).addr());
    let reader = Reader { segments: &segments };
    reader.text("its name", descriptor.name, abi::NAME_MAX)
}

/// The beginning of a descriptor, up to the first pointer: the same in every ABI.
#[repr(C)]
#[derive(Clone, Copy)]
struct Head {
    size: u32,
    abi: u16,
    needs: u16,
    pointer_bits: u8,
    big_endian: u8,
    reserved: u16,
    call_size: u32,
    serve_size: u32,
}

const _: () = assert!(std::mem::offset_of!(abi::Plugin, built_by) >= size_of::<Head>());

fn check_head(head: &Head) -> Result<(), String> {
    if head.abi != abi::ABI {
        let age = if head.abi < abi::ABI { "old" } else { "new" };
        return Err(format!(
            "it is too {age}: it has ABI {}, this gshell has {}",
            head.abi,
            abi::ABI
        ));
    }
    if head.needs > abi::MINOR {
        return Err(format!(
            "it needs ABI {}.{}, this gshell has {}.{}",
            head.abi,
            head.needs,
            abi::ABI,
            abi::MINOR
        ));
    }
    let record = |what: &str, found: u32, own: u32| {
        Err(format!(
            "it is built for another machine or compiler: {what} is {found}, here it is {own}"
        ))
    };
    if u32::from(head.pointer_bits) != usize::BITS {
        return record("bits of a pointer", head.pointer_bits.into(), usize::BITS);
    }
    let big = u8::from(cfg!(target_endian = "big"));
    if head.big_endian != big {
        return record("big endian", head.big_endian.into(), big.into());
    }
    // A host's structs only grow: what it was built with is at least what every host of this ABI has.
    let (call, serve) = (
        size_of::<abi::Host>() as u32,
        size_of::<abi::ServiceHost>() as u32,
    );
    if head.call_size < call || head.call_size > bounds::STRUCT {
        return record("the size of gsp_host", head.call_size, call);
    }
    if head.serve_size < serve || head.serve_size > bounds::STRUCT {
        return record("the size of gsp_service_host", head.serve_size, serve);
    }
    if head.reserved != 0 {
        return Err(format!(
            "a reserved field of its descriptor is {}, not 0",
            head.reserved
        ));
    }
    Ok(())
}

fn check_names(reader: &Reader<'_>, plugin: &abi::Plugin, name: &str) -> Result<(), String> {
    let own = reader.text("its name", plugin.name, abi::NAME_MAX)?;
    if own != name {
        return Err(format!("its descriptor is of plugin {own:?}, not of {name:?}"));
    }
    names::check(own).map_err(|why| format!("{own:?} is no name of a plugin: {why}"))?;
    let version = reader.text("its version", plugin.version, bounds::VERSION)?;
    if !names::is_version(version) {
        return Err(format!("{version:?} is no version"));
    }
    reader.line("built_by", plugin.built_by)?;
    reader.line("its summary", plugin.summary)?;
    reader.text("its Lua part", plugin.lua, bounds::SOURCE)?;
    reader.text("its app", plugin.app, bounds::SOURCE)?;
    Ok(())
}
