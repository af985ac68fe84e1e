//! For authors of plugins: safe Rust on top of the C ABI of gshell.
//!
//! A plugin is a crate of type `cdylib` with one module under [`macro@plugin`]:
//!
//! ```
//! use gshell_plugin_sdk::{Code, Error, Result, testing};
//!
//! #[gshell_plugin_sdk::plugin(name = "greet", summary = "Says hello.", version = "1.0.0")]
//! mod plugin {
//!     use super::*;
//!
//!     /// A greeting.
//!     #[function]
//!     fn hello(name: &str, times: Option<u8>) -> Result<String> {
//!         if name.is_empty() {
//!             return Err(Error::new(Code::Invalid, "nobody to greet"));
//!         }
//!         Ok(format!("hello {name} ").repeat(times.unwrap_or(1).into()).trim_end().to_owned())
//!     }
//! }
//!
//! # fn main() {
//! let hello = testing::function(&PLUGIN, "hello");
//! assert_eq!(hello.signature(), "name: string, times: integer? -> string");
//! assert_eq!(hello.call(&["you".into()]).unwrap(), ["hello you".into()]);
//! # }
//! ```
//!
//! `docs/plugins/sdk.md` is the guide. No plugin needs unsafe code.
//!
//! What scripts could not give or get does not compile:
//!
//! ```compile_fail,E0277
//! # fn main() {}
//! #[gshell_plugin_sdk::plugin(name = "sizes", summary = "", version = "1.0.0")]
//! mod plugin {
//!     #[function]
//!     fn wide(bytes: usize) {} // as wide as the machine: take u32 or i64
//! }
//! ```
//!
//! ```compile_fail,E0277
//! # fn main() {}
//! #[gshell_plugin_sdk::plugin(name = "results", summary = "", version = "1.0.0")]
//! mod plugin {
//!     #[function]
//!     fn when() -> std::time::Instant {
//!         std::time::Instant::now()
//!     }
//! }
//! ```
//!
//! A list with nil in it has no length in Lua, so there is none of `Option`:
//!
//! ```compile_fail,E0080
//! # fn main() {}
//! #[gshell_plugin_sdk::plugin(name = "holes", summary = "", version = "1.0.0")]
//! mod plugin {
//!     #[function]
//!     fn measured() -> Vec<Option<i64>> {
//!         vec![Some(1), None, Some(3)]
//!     }
//! }
//! ```
//!
//! ```compile_fail,E0080
//! # fn main() {}
//! #[gshell_plugin_sdk::plugin(name = "holes", summary = "", version = "1.0.0")]
//! mod plugin {
//!     #[derive(gshell_plugin_sdk::Fields)]
//!     pub struct Row {
//!         cells: Vec<Option<i64>>,
//!     }
//!
//!     #[function]
//!     fn sum(row: Row) -> i64 {
//!         row.cells.into_iter().flatten().sum()
//!     }
//! }
//! ```
//!
//! Nor does a function that keeps what is only lent to it, or an object that stays on one thread:
//!
//! ```compile_fail
//! # fn main() {}
//! #[gshell_plugin_sdk::plugin(name = "keeps", summary = "", version = "1.0.0")]
//! mod plugin {
//!     #[function]
//!     fn keep(text: &'static str) {}
//! }
//! ```
//!
//! ```compile_fail,E0277
//! # fn main() {}
//! #[gshell_plugin_sdk::plugin(name = "threads", summary = "", version = "1.0.0")]
//! mod plugin {
//!     pub struct Shared(std::rc::Rc<i64>);
//!
//!     #[object]
//!     impl Shared {}
//! }
//! ```

extern crate self as gshell_plugin_sdk;

mod argument;
mod call;
mod error;
#[doc(hidden)]
pub mod export;
mod guard;
mod object;
mod results;
mod service;
mod shape;
pub mod testing;
mod value;
mod wait;

pub use argument::Argument;
pub use call::{Call, Kind};
pub use error::{Error, Result};
#[doc(hidden)]
pub use gshell_plugin_abi as abi;
pub use gshell_plugin_macros::{Fields, plugin};
pub use gshell_wire::{Bytes, Code, Fault};
pub use object::Object;
pub use results::{Results, Returned};
pub use service::{Caller, Incoming, Stream};
pub use shape::{Shape, Signature};
pub use value::Value;
pub use wait::Wait;
