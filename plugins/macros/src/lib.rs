//! The attribute macros of gshell-plugin-sdk, which shows them to authors.
//!
//! What they write is safe code that implements traits of the SDK, but for the names of two symbols, which Rust calls unsafe
//! because another symbol could have the same one: the descriptor's, made from the plugin's name, and the note's section.

mod attributes;
mod constant;
mod fields;
mod function;
mod module;
mod object;
mod plugin;
mod service;
#[cfg(test)]
mod tests;
mod tokens;

use proc_macro::TokenStream;
use syn::{DeriveInput, Error, ItemMod, parse_macro_input};

/// Makes an inline module a plugin.
///
/// `name` is required; `summary` and `version` are those of the crate's manifest unless they are given; `lua` and `app`
/// are Lua sources, such as `include_str!("../lua/app.lua")`; `messages(A, B)` describes types for scripts that no handler
/// names. Inside of the module, these attributes say what scripts and callers see:
///
/// - `#[function]` on a function, `#[function(blocking)]` on one that waits or computes for long;
/// - `#[constant]` on a constant;
/// - `#[object]` on `impl Type`, with `#[method]` (also blocking) on methods with `&self` or `&mut self`; functions that return
///   the type make objects;
/// - `#[service(publisher = "example", name = "echo")]` on `impl Type`, with `#[handler]`, `#[handler(blocking)]` or
///   `#[handler(stream, sends(A), receives(B))]` on its functions, which take `&self` (then one value of the type is made by
///   `Default`) or not;
/// - `#[load]` on a function that is called once before anything else, and whose error leaves the plugin out.
///
/// All but the last three take `name = "..."` for scripts. Documentation comments are the help.
///
/// The macro makes `PLUGIN`, the descriptor, beside the module.
#[proc_macro_attribute]
pub fn plugin(options: TokenStream, module: TokenStream) -> TokenStream {
    let module = parse_macro_input!(module as ItemMod);
    let made = attributes::Plugin::parse(options.into()).and_then(|options| module::expand(&options, module));
    made.unwrap_or_else(Error::into_compile_error).into()
}

/// Lets a struct be an argument and a result: a table with its fields. `#[field(name = "type")]` gives a field another
/// name. A field that is an `Option` may be absent. A struct that holds itself has no shape that could be told; take a `Value`.
#[proc_macro_derive(Fields, attributes(field))]
pub fn derive_fields(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    fields::implement(&input)
        .unwrap_or_else(Error::into_compile_error)
        .into()
}
