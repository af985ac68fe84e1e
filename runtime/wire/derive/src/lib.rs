//! `#[derive(Message)]` and `#[derive(Schema)]` of gshell-wire: they turn a type into its shape. A crate of its own
//! because a procedural macro has to be; users take both from gshell-wire.

mod schema;
mod serde_attrs;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Error, LitStr, Result, parse_macro_input};

/// Gives a type its shape: a struct or enum whose fields all have one. Documentation becomes help.
///
/// Names in the schema are those of the program. Attributes of serde that would make the bytes differ from the shape
/// are refused, and so are generics.
#[proc_macro_derive(Schema)]
pub fn derive_schema(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    finish(schema::implement(&input))
}

/// Makes a type a message: gives it its shape (as `Schema` does), the name from `#[message(name = "publisher.Type")]`
/// and the key that follows from both. Needs serde's `Serialize` and `Deserialize` beside it.
#[proc_macro_derive(Message, attributes(message))]
pub fn derive_message(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    finish(message(&input))
}

fn finish(result: Result<TokenStream>) -> proc_macro::TokenStream {
    result.unwrap_or_else(Error::into_compile_error).into()
}

fn message(input: &DeriveInput) -> Result<TokenStream> {
    let schema = schema::implement(input)?;
    let name = message_name(input)?;
    let ident = &input.ident;
    Ok(quote! {
        #schema

        #[automatically_derived]
        impl ::gshell_wire::Message for #ident {
            const NAME: &'static str = #name;
        }
    })
}

/// The name in `#[message(name = "...")]`.
fn message_name(input: &DeriveInput) -> Result<LitStr> {
    let mut name: Option<LitStr> = None;
    for attr in input.attrs.iter().filter(|attr| attr.path().is_ident("message")) {
        attr.parse_nested_meta(|meta| {
            if !meta.path.is_ident("name") {
                return Err(meta.error("expected `name = \"publisher.Type\"`"));
            }
            if name.is_some() {
                return Err(meta.error("the name is given twice"));
            }
            name = Some(check(meta.value()?.parse()?)?);
            Ok(())
        })?;
    }
    name.ok_or_else(|| {
        Error::new_spanned(
            &input.ident,
            "a message needs #[message(name = \"publisher.Type\")]",
        )
    })
}

/// The rule of the names of services holds for messages too: they appear in the same patterns.
fn check(name: LitStr) -> Result<LitStr> {
    let text = name.value();
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    if text.is_empty() || text.len() > 64 || !text.chars().all(allowed) {
        return Err(Error::new(
            name.span(),
            "a message name is 1 to 64 letters, digits, '.' and '-'",
        ));
    }
    Ok(name)
}
