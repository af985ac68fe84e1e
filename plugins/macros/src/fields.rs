//! `#[derive(Fields)]`: a struct as a table.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Field, Fields, LitStr, Result};

pub fn implement(input: &DeriveInput) -> Result<TokenStream> {
    let ident = &input.ident;
    let Data::Struct(data) = &input.data else {
        return Err(Error::new_spanned(
            ident,
            "Fields is for structs with named fields",
        ));
    };
    let Fields::Named(fields) = &data.fields else {
        return Err(Error::new_spanned(
            ident,
            "Fields is for structs with named fields",
        ));
    };
    if !input.generics.params.is_empty() {
        let text = "a struct for scripts has no parameters: it owns what it holds";
        return Err(Error::new_spanned(&input.generics, text));
    }
    let (mut shapes, mut takes, mut puts) = (Vec::new(), Vec::new(), Vec::new());
    for field in &fields.named {
        let (member, ty, name) = (&field.ident, &field.ty, name_of(field)?);
        let span = ty.span();
        shapes
            .push(quote_spanned! {span=> (#name, &<#ty as ::gshell_plugin_sdk::Argument<'static>>::SHAPE) });
        takes.push(quote_spanned! {span=> #member: __call.field::<#ty>(__n, #name)? });
        puts.push(quote_spanned! {span=> __call.put_field::<#ty>(#name, self.#member)?; });
    }
    let count = fields.named.len();
    Ok(quote! {
        #[automatically_derived]
        impl<'c> ::gshell_plugin_sdk::Argument<'c> for #ident {
            const SHAPE: ::gshell_plugin_sdk::Shape = ::gshell_plugin_sdk::Shape::Fields(&[#(#shapes),*]);

            fn take(__call: &::gshell_plugin_sdk::Call<'c>, __n: u32) -> ::gshell_plugin_sdk::Result<Self> {
                ::core::result::Result::Ok(#ident { #(#takes),* })
            }
        }

        #[automatically_derived]
        impl ::gshell_plugin_sdk::Returned for #ident {
            const SHAPE: ::gshell_plugin_sdk::Shape = <#ident as ::gshell_plugin_sdk::Argument<'static>>::SHAPE;

            fn put(self, __call: &mut ::gshell_plugin_sdk::Call<'_>) -> ::gshell_plugin_sdk::Result<()> {
                __call.put_fields(#count)?;
                #(#puts)*
                ::core::result::Result::Ok(())
            }
        }
    })
}

/// As scripts call a field.
fn name_of(field: &Field) -> Result<String> {
    let mut name = field
        .ident
        .as_ref()
        .map(|ident| ident.unraw().to_string())
        .unwrap_or_default();
    for attribute in field
        .attrs
        .iter()
        .filter(|attribute| attribute.path().is_ident("field"))
    {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("name") {
                return Err(meta.error("#[field] takes name = \"...\""));
            }
            name = meta.value()?.parse::<LitStr>()?.value();
            Ok(())
        })?;
    }
    Ok(name)
}
