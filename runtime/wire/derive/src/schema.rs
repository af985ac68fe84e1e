//! From the syntax of a type to the constant that describes it.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::{Attribute, Data, DeriveInput, Error, Expr, Fields, Lit, Meta, Result, Variant};

use crate::serde_attrs;

/// The implementation of `Schema` for the type.
pub fn implement(input: &DeriveInput) -> Result<TokenStream> {
    if !input.generics.params.is_empty() {
        let text = "a message type cannot be generic: its key needs one shape";
        return Err(Error::new_spanned(&input.generics, text));
    }
    serde_attrs::check(&input.attrs)?;
    let ident = &input.ident;
    let name = ident.unraw().to_string();
    let ty = match &input.data {
        Data::Struct(data) => struct_type(&name, &data.fields)?,
        Data::Enum(data) => {
            let variants = data.variants.iter().map(variant).collect::<Result<Vec<_>>>()?;
            quote! { ::gshell_wire::Type::Enum { name: #name, variants: &[#(#variants),*] } }
        }
        Data::Union(data) => return Err(Error::new_spanned(data.union_token, "a union cannot be sent")),
    };
    Ok(quote! {
        #[automatically_derived]
        impl ::gshell_wire::Schema for #ident {
            const TYPE: ::gshell_wire::Type = #ty;
        }
    })
}

/// The shape of a struct: as serde sees it, one unnamed field is that field, several are a tuple.
fn struct_type(name: &str, fields: &Fields) -> Result<TokenStream> {
    match fields {
        Fields::Unit => Ok(named(name, &[])),
        _ => held(name, fields),
    }
}

/// The shape of what a struct or variant holds.
fn held(name: &str, fields: &Fields) -> Result<TokenStream> {
    for field in fields {
        serde_attrs::check(&field.attrs)?;
    }
    Ok(match fields {
        Fields::Unit => quote! { ::gshell_wire::Type::Unit },
        Fields::Unnamed(fields) => {
            let types = fields
                .unnamed
                .iter()
                .map(|field| shape_of(&field.ty))
                .collect::<Vec<_>>();
            match types.as_slice() {
                [only] => only.clone(),
                _ => quote! { ::gshell_wire::Type::Tuple(&[#(&#types),*]) },
            }
        }
        Fields::Named(fields) => {
            let fields = fields.named.iter().map(|field| {
                let name = field
                    .ident
                    .as_ref()
                    .map(|ident| ident.unraw().to_string())
                    .unwrap_or_default();
                let (ty, help) = (shape_of(&field.ty), help(&field.attrs));
                quote! { ::gshell_wire::Field { name: #name, ty: &#ty, help: #help } }
            });
            named(name, &fields.collect::<Vec<_>>())
        }
    })
}

fn named(name: &str, fields: &[TokenStream]) -> TokenStream {
    quote! { ::gshell_wire::Type::Struct { name: #name, fields: &[#(#fields),*] } }
}

fn shape_of(ty: &syn::Type) -> TokenStream {
    quote! { <#ty as ::gshell_wire::Schema>::TYPE }
}

fn variant(variant: &Variant) -> Result<TokenStream> {
    serde_attrs::check(&variant.attrs)?;
    let name = variant.ident.unraw().to_string();
    let (ty, help) = (held(&name, &variant.fields)?, help(&variant.attrs));
    Ok(quote! { ::gshell_wire::Variant { name: #name, ty: &#ty, help: #help } })
}

/// The first line of the documentation.
pub fn help(attrs: &[Attribute]) -> String {
    let first = attrs.iter().find_map(|attr| match &attr.meta {
        Meta::NameValue(meta) if meta.path.is_ident("doc") => match &meta.value {
            Expr::Lit(value) => match &value.lit {
                Lit::Str(text) => Some(text.value()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    });
    let text = first.unwrap_or_default();
    text.trim_start()
        .lines()
        .next()
        .unwrap_or_default()
        .trim_end()
        .to_owned()
}
