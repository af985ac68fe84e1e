//! `#[constant]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, ItemConst, Result, Type};

use crate::attributes::Options;

/// A constant that scripts see.
pub struct Constant {
    /// As scripts call it.
    pub name: String,
    /// The entry of the descriptor's table.
    pub entry: TokenStream,
}

impl Constant {
    pub fn new(item: &ItemConst, options: &Options) -> Result<Constant> {
        let ident = &item.ident;
        let name = options
            .name
            .as_ref()
            .map_or_else(|| ident.to_string(), syn::LitStr::value);
        let (kind, integer, number, bytes) = match kind_of(&item.ty) {
            Some("bool") => (
                quote! { BOOLEAN },
                quote! { #ident as i64 },
                quote! { 0.0 },
                quote! { &[] },
            ),
            Some("integer") => (
                quote! { INTEGER },
                quote! { #ident as i64 },
                quote! { 0.0 },
                quote! { &[] },
            ),
            Some("float") => (
                quote! { NUMBER },
                quote! { 0 },
                quote! { #ident as f64 },
                quote! { &[] },
            ),
            Some("str") => (
                quote! { BYTES },
                quote! { 0 },
                quote! { 0.0 },
                quote! { #ident.as_bytes() },
            ),
            Some("bytes") => (quote! { BYTES }, quote! { 0 }, quote! { 0.0 }, quote! { #ident }),
            _ => {
                let text =
                    "a constant for scripts is bool, i8 to i64, u8 to u32, f32, f64, &str, &[u8] or &[u8; N]";
                return Err(Error::new_spanned(&item.ty, text));
            }
        };
        let entry = quote! {
            ::gshell_plugin_sdk::export::constant(
                #name, ::gshell_plugin_sdk::abi::kind::#kind, #integer, #number, #bytes
            )
        };
        Ok(Constant { name, entry })
    }
}

fn kind_of(ty: &Type) -> Option<&'static str> {
    let word = |ty: &Type| match ty {
        Type::Path(path) => path.path.segments.last().map(|last| last.ident.to_string()),
        _ => None,
    };
    match ty {
        Type::Reference(reference) => match &*reference.elem {
            Type::Slice(slice) if word(&slice.elem)? == "u8" => Some("bytes"),
            Type::Array(array) if word(&array.elem)? == "u8" => Some("bytes"),
            inner if word(inner)? == "str" => Some("str"),
            _ => None,
        },
        _ => match word(ty)?.as_str() {
            "bool" => Some("bool"),
            "i8" | "i16" | "i32" | "i64" | "u8" | "u16" | "u32" => Some("integer"),
            "f32" | "f64" => Some("float"),
            _ => None,
        },
    }
}
