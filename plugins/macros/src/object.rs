//! `#[object]`: a type whose values scripts hold.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::{Error, ImplItem, ItemImpl, Result, Type};

use crate::attributes::{self, Options};
use crate::function::{Function, Source};
use crate::tokens;

/// A class of objects.
pub struct Object {
    /// As scripts see it.
    pub name: String,
    /// What is written for it.
    pub items: TokenStream,
    /// The name of its static.
    pub class: Ident,
}

/// The plain type of an impl, and its name.
pub fn type_of(item: &ItemImpl, what: &str) -> Result<(Type, String)> {
    let problem = |text: &str| Err(Error::new_spanned(&item.self_ty, format!("{what} {text}")));
    if item.trait_.is_some() {
        return problem("goes onto an impl of a type, not of a trait");
    }
    if !item.generics.params.is_empty() {
        return problem("goes onto a type without parameters");
    }
    match &*item.self_ty {
        Type::Path(path) if path.qself.is_none() => match path.path.segments.last() {
            Some(last) => Ok(((*item.self_ty).clone(), last.ident.to_string())),
            None => problem("goes onto a type with a name"),
        },
        _ => problem("goes onto a type with a name"),
    }
}

impl Object {
    /// Reads an impl and takes the attributes off its methods.
    pub fn new(item: &mut ItemImpl, options: &Options) -> Result<Object> {
        let (this, rust) = type_of(item, "#[object]")?;
        let mut methods: Vec<Function> = Vec::new();
        for part in &mut item.items {
            let ImplItem::Fn(method) = part else {
                continue;
            };
            let Some((_, attribute)) =
                attributes::take(&mut method.attrs, &["method"], "a function of an #[object]")?
            else {
                continue;
            };
            let options = Options::parse(&attribute, &["name", "blocking"])?;
            let made = Function::new(&Source {
                signature: &method.sig,
                attributes: &method.attrs,
                options: &options,
                this: Some(&this),
                scope: &rust,
            })?;
            if methods.iter().any(|other| other.name == made.name) {
                let text = format!("{rust} has a method {:?} already", made.name);
                return Err(Error::new_spanned(&method.sig.ident, text));
            }
            methods.push(made);
        }
        let name = options
            .name
            .as_ref()
            .map_or_else(|| rust.clone(), syn::LitStr::value);
        let class = tokens::hidden("class", &rust);
        let quiet = tokens::quiet();
        let (written, entries) = (
            methods.iter().map(|method| &method.items),
            methods.iter().map(|method| &method.entry),
        );
        let items = quote! {
            #(#written)*

            #quiet
            pub static #class: ::gshell_plugin_sdk::abi::Class = {
                static METHODS: &[::gshell_plugin_sdk::abi::Function] = &[#(#entries),*];
                ::gshell_plugin_sdk::abi::Class {
                    size: ::core::mem::size_of::<::gshell_plugin_sdk::abi::Class>() as u32,
                    method_count: METHODS.len() as u32,
                    name: ::gshell_plugin_sdk::abi::Bytes::new(#name),
                    drop: ::core::option::Option::Some(::gshell_plugin_sdk::export::drop_object::<#this>),
                    methods: METHODS.as_ptr(),
                }
            };

            #[automatically_derived]
            impl ::gshell_plugin_sdk::Object for #this {
                const NAME: &'static str = #name;

                fn class() -> &'static ::gshell_plugin_sdk::abi::Class {
                    &#class
                }
            }
        };
        Ok(Object { name, items, class })
    }
}
