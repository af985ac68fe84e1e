//! Messages and services of the module `gshell`: declare, publish, discover, call.

use std::rc::Rc;

use mlua::Result;

use crate::Context;
use crate::call::Functions;

mod codec;
mod fault;
mod message;
mod types;

use message::Types;

/// What the services and connections of one environment share.
pub struct Shared {
    pub cx: Rc<Context>,
    pub types: Rc<Types>,
}

/// Adds the functions to the module's table.
pub fn register(add: &Functions<'_>, cx: &Rc<Context>) -> Result<()> {
    let shared = Rc::new(Shared {
        cx: Rc::clone(cx),
        types: Rc::default(),
    });
    message::register(add, &shared.types)?;
    let _ = &shared.cx;
    Ok(())
}
