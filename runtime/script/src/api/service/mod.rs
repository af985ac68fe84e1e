//! Messages and services of the module `gshell`: declare, publish, discover, call.

use std::cell::OnceCell;
use std::rc::Rc;
use std::time::Duration;

use gshell_service::Node;
use mlua::{Result, Table, Value};

use crate::Context;
use crate::call::Functions;
use crate::errors::raise;

mod calling;
mod codec;
mod conn;
mod discover;
mod fault;
mod handler;
mod hooks;
mod message;
mod native;
mod server;
mod states;
mod stream;
mod trace;
mod types;

pub use fault::name as code_name;
use message::Types;

/// What the services and connections of one environment share.
pub struct Shared {
    pub cx: Rc<Context>,
    pub types: Rc<Types>,
    node: OnceCell<Node>,
}

impl Shared {
    /// The node whose services are published and found.
    pub fn node(&self) -> Result<&Node> {
        if let Some(node) = self.node.get() {
            return Ok(node);
        }
        let node = match &self.cx.node {
            Some(node) => node.clone(),
            None => Node::from_env().map_err(fault::raised)?,
        };
        Ok(self.node.get_or_init(|| node))
    }
}

/// Adds the functions to the module's table.
pub fn register(add: &Functions<'_>, cx: &Rc<Context>) -> Result<()> {
    let shared = Rc::new(Shared {
        cx: Rc::clone(cx),
        types: Rc::default(),
        node: OnceCell::new(),
    });
    message::register(add, &shared.types)?;
    server::register(add, &shared)?;
    trace::register(add, &shared)?;
    discover::register(add, &shared)
}

/// The option `timeout`, the only one that there is.
fn seconds(function: &str, options: Table) -> Result<Option<Duration>> {
    let mut timeout = None;
    for entry in options.pairs::<Value, Value>() {
        let (key, value) = entry?;
        if key.as_string().is_none_or(|key| key != "timeout") {
            let text = format!("{function}: the only option is \"timeout\"");
            return Err(raise("invalid", text));
        }
        let number = value
            .as_number()
            .or_else(|| value.as_integer().map(|whole| whole as f64));
        let limit = number.and_then(|number| Duration::try_from_secs_f64(number.min(4e10)).ok());
        let Some(limit) = limit else {
            let text = format!("{function}: option \"timeout\" is a number of seconds, 0 or more");
            return Err(raise("invalid", text));
        };
        timeout = Some(limit);
    }
    Ok(timeout)
}
