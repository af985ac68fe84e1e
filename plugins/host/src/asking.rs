//! What a plugin is asked once, by calling it: whether it is ready, and what messages look like that it does not spell out.

use gshell_plugin_abi as abi;
use gshell_wire::{SHAPE_BYTES_MAX, Shape};

use crate::detached::{Owned, plain};
use crate::noted::Noted;
use crate::plugin::Plugin;

/// What crashes name as running while a plugin's `load` does.
const LOAD: &str = "load";
/// What crashes name as running while a plugin describes a message.
const DESCRIBE: &str = "describe";

/// Calls the plugin's `load`, if it has one.
pub fn load(plugin: &'static Plugin) -> Result<(), String> {
    match plugin.load() {
        Some(load) => plain(plugin, LOAD, load)
            .map(drop)
            .map_err(|noted| format!("it does not load: {}", said(&noted))),
        None => Ok(()),
    }
}

impl Plugin {
    /// The shape of one of its messages: as it stands there, or as the plugin describes it, which calls the plugin.
    ///
    /// # Errors
    /// In one line, why there is none.
    pub fn shape(&'static self, message: &'static abi::Message) -> Result<Shape, String> {
        let name = self.text(message.name);
        let parsed =
            |text: &str| Shape::parse(text).map_err(|error| format!("the shape of message {name}: {error}"));
        let describe = match (self.text(message.shape), message.describe) {
            ("", Some(describe)) if self.owns_message(message) => describe,
            (text, _) => return parsed(text),
        };
        let described = plain(self, DESCRIBE, describe)
            .map_err(|noted| format!("message {name} is not described: {}", said(&noted)))?;
        match described.as_slice() {
            [Owned::Bytes(text)] if text.len() <= SHAPE_BYTES_MAX as usize => {
                let text = std::str::from_utf8(text)
                    .map_err(|_| format!("the shape of message {name} is not UTF-8"))?;
                parsed(text)
            }
            [Owned::Bytes(text)] => Err(format!(
                "the shape of message {name} has {} bytes, {SHAPE_BYTES_MAX} are the most",
                text.len()
            )),
            _ => Err(format!("what describes message {name} does not give one text")),
        }
    }
}

/// An error in one line.
fn said(noted: &Noted) -> String {
    match noted {
        Noted::Memory => "out of memory".to_owned(),
        Noted::Error { text, .. } => text.lines().next().unwrap_or("it does not say why").to_owned(),
    }
}
