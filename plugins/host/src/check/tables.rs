//! Functions, constants and classes.

use gshell_plugin_abi as abi;
use gshell_small::Set;

use super::bounds;
use super::reader::Reader;

/// Checks the plugin's tables for scripts. Functions, constants and classes share names: scripts have them in one table.
pub fn check(reader: &Reader<'_>, plugin: &abi::Plugin) -> Result<(), String> {
    let mut names = Set::new();
    functions(
        reader,
        "function",
        plugin.functions,
        plugin.function_count,
        &mut names,
    )?;
    constants(reader, plugin, &mut names)?;
    let classes = reader.many(
        "the list of classes",
        plugin.classes,
        plugin.class_count,
        bounds::CLASSES,
    )?;
    for (n, class) in (1..).zip(classes) {
        self::class(reader, &format!("class {n}"), *class, &mut names)?;
    }
    Ok(())
}

fn functions(
    reader: &Reader<'_>,
    what: &str,
    first: *const abi::Function,
    count: u32,
    names: &mut Set<&'static str>,
) -> Result<(), String> {
    let functions = reader.many(&format!("the list of {what}s"), first, count, bounds::FUNCTIONS)?;
    for (n, function) in (1..).zip(functions) {
        let name = reader.word(&format!("{what} {n}"), function.name)?;
        let what = format!("{what} {name}");
        once(names, name, &what)?;
        reader.line(&format!("the signature of {what}"), function.signature)?;
        reader.text(&format!("the help of {what}"), function.help, bounds::HELP)?;
        reader.code(&what, function.call.map(|call| call as usize))?;
        if function.flags & !abi::flags::BLOCKING != 0 {
            return Err(format!(
                "{what} has flags that nobody knows ({:#x})",
                function.flags
            ));
        }
        reserved(&what, function.reserved)?;
    }
    Ok(())
}

fn constants(reader: &Reader<'_>, plugin: &abi::Plugin, names: &mut Set<&'static str>) -> Result<(), String> {
    let constants = reader.many(
        "the list of constants",
        plugin.constants,
        plugin.constant_count,
        bounds::CONSTANTS,
    )?;
    for (n, constant) in (1..).zip(constants) {
        let name = reader.word(&format!("constant {n}"), constant.name)?;
        let what = format!("constant {name}");
        once(names, name, &what)?;
        reserved(&what, constant.reserved)?;
        match constant.kind {
            abi::kind::BOOLEAN | abi::kind::INTEGER | abi::kind::NUMBER => {}
            abi::kind::BYTES => {
                reader.bytes(&what, constant.bytes, bounds::CONSTANT)?;
            }
            kind => return Err(format!("{what} is of kind {kind}, which no constant can be")),
        }
    }
    Ok(())
}

fn class(
    reader: &Reader<'_>,
    what: &str,
    at: *const abi::Class,
    names: &mut Set<&'static str>,
) -> Result<(), String> {
    // Every struct that says its size begins with it.
    let size = *reader.one(what, at.cast::<Size>())?;
    let class = reader.sized(what, at, size.0)?;
    let name = reader.word(what, class.name)?;
    once(names, name, &format!("class {name}"))?;
    if class.drop.is_some() {
        let what = format!("drop of class {name}");
        reader.code(&what, class.drop.map(|drop| drop as usize))?;
    }
    functions(
        reader,
        &format!("{name} method"),
        class.methods,
        class.method_count,
        &mut Set::new(),
    )
}

/// What structs that may grow begin with.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Size(pub u32);

// SAFETY: a number.
unsafe impl super::reader::Plain for Size {}

/// Notes a name, which nobody may have had before.
pub fn once<T: Ord>(names: &mut Set<T>, name: T, what: &str) -> Result<(), String> {
    match names.insert(name) {
        true => Ok(()),
        false => Err(format!("{what} is there twice")),
    }
}

fn reserved(what: &str, value: u32) -> Result<(), String> {
    match value {
        0 => Ok(()),
        value => Err(format!("a reserved field of {what} is {value}, not 0")),
    }
}
