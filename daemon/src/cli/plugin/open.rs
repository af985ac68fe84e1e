//! `gshell plugin __open`: opens one plugin and tells what is in it, in JSON, for `gshell plugin info`.
//!
//! It is a process of its own, so that a plugin that crashes or hangs while it is opened costs nothing else.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;
use std::path::Path;

use gshell_plugin_host::{Origin, Plugin, Setup, abi, alone, find, set_up};
use gshell_sys::fork;
use gshell_wire::Value;

use super::is_file;
use crate::builtin;
use crate::cli::args::{Command, Matches, Positional};
use crate::cli::failure::{Failure, Outcome};
use crate::cli::link::Global;
use crate::cli::value::{compact, object, text};
use crate::exit_codes::Status;

/// What is typed, by the program itself.
pub const WORD: &str = "__open";

/// `gshell plugin __open`.
pub const COMMAND: Command = Command {
    positionals: &[Positional::new("NAME|FILE", "What to open")],
    examples: &["gshell plugin __open sum"],
    hidden: true,
    ..Command::new(WORD, "Open a plugin and tell what is in it", run)
};

fn run(global: &Global, matches: &Matches) -> Outcome {
    let failed = |error: std::io::Error| Failure::io("cannot keep standard output apart", &error);
    // What the plugin itself prints is not to get between.
    let mut out = File::from(std::io::stdout().as_fd().try_clone_to_owned().map_err(failed)?);
    let stderr = std::io::stderr();
    fork::redirect_std(None, Some(stderr.as_fd()), Some(stderr.as_fd())).map_err(failed)?;
    let what = matches.texts(0).concat();
    let refused = |refused: gshell_plugin_host::Refused| Failure::new(Status::Refused, refused.to_string());
    let plugin = match is_file(&what) {
        true => alone::open(Path::new(&what)).map_err(refused)?,
        false => {
            set_up(Setup {
                folders: global.plugin_folders(),
                built_in: builtin::list(),
                ..Setup::default()
            });
            match find(&what).map_err(refused)? {
                Some(plugin) => plugin,
                None => return Err(super::unknown(global, &what)),
            }
        }
    };
    let told = compact(&told(plugin), None);
    out.write_all(told.as_bytes()).map_err(failed)?;
    Ok(Status::Ok)
}

/// All that a plugin says of itself.
fn told(plugin: &'static Plugin) -> Value {
    let path = match plugin.origin() {
        Origin::File(path, _) => text(path.display().to_string()),
        Origin::BuiltIn => Value::Unit,
    };
    let functions = |all: &'static [abi::Function]| list(all, |function| self::function(plugin, function));
    object([
        ("name", text(plugin.name())),
        ("version", text(plugin.version())),
        ("summary", text(plugin.summary())),
        ("built_by", text(plugin.built_by())),
        ("path", path),
        ("functions", functions(plugin.functions())),
        (
            "constants",
            list(plugin.constants(), |constant| self::constant(plugin, constant)),
        ),
        (
            "classes",
            list(plugin.classes(), |class| {
                object([
                    ("name", text(plugin.text(class.name))),
                    ("methods", functions(plugin.methods(class))),
                ])
            }),
        ),
        (
            "messages",
            list(plugin.messages(), |message| self::message(plugin, message)),
        ),
        (
            "services",
            list(plugin.services(), |service| self::service(plugin, service)),
        ),
        ("lua", Value::Bool(!plugin.lua().is_empty())),
        ("app", Value::Bool(!plugin.app().is_empty())),
    ])
}

fn list<T>(all: &'static [T], one: impl Fn(&'static T) -> Value) -> Value {
    Value::List(all.iter().map(one).collect())
}

fn function(plugin: &Plugin, function: &'static abi::Function) -> Value {
    object([
        ("name", text(plugin.text(function.name))),
        ("signature", text(plugin.text(function.signature))),
        ("help", text(plugin.text(function.help))),
        (
            "blocking",
            Value::Bool(function.flags & abi::flags::BLOCKING != 0),
        ),
    ])
}

fn constant(plugin: &Plugin, constant: &'static abi::Constant) -> Value {
    let value = match constant.kind {
        abi::kind::BOOLEAN => Value::Bool(constant.integer != 0),
        abi::kind::INTEGER => Value::Int(constant.integer),
        abi::kind::NUMBER => Value::Float(constant.number),
        _ => text(String::from_utf8_lossy(plugin.bytes(constant.bytes))),
    };
    object([("name", text(plugin.text(constant.name))), ("value", value)])
}

fn message(plugin: &Plugin, message: &'static abi::Message) -> Value {
    // One that is made by code is known only to who publishes it.
    let shape = match plugin.text(message.shape) {
        "" => Value::Unit,
        shape => text(shape),
    };
    object([
        ("name", text(plugin.text(message.name))),
        ("shape", shape),
        ("help", text(plugin.text(message.help))),
    ])
}

fn service(plugin: &'static Plugin, service: &'static abi::Service) -> Value {
    let name = |message: &abi::Message| text(plugin.text(message.name));
    let handler = |handler: &'static abi::Handler| {
        let replies = plugin.replies_of(handler).iter();
        object([
            ("request", plugin.request_of(handler).map_or(Value::Unit, name)),
            (
                "replies",
                Value::List(replies.map(|message| name(message)).collect()),
            ),
            ("blocking", Value::Bool(handler.flags & abi::flags::BLOCKING != 0)),
            ("stream", Value::Bool(handler.flags & abi::flags::STREAM != 0)),
        ])
    };
    object([
        ("publisher", text(plugin.text(service.publisher))),
        ("name", text(plugin.text(service.name))),
        ("help", text(plugin.text(service.help))),
        ("handlers", list(plugin.handlers(service), handler)),
    ])
}
