//! `#[derive(Message)]` and `#[derive(Schema)]` of gshell-wire: they turn a type into its shape. A crate of its own
//! because a procedural macro has to be; users take both from gshell-wire.

mod schema;
mod serde_attrs;

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::punctuated::Punctuated;
use syn::{DeriveInput, Error, Ident, LitStr, Path, Result, Token, parenthesized, parse_macro_input};

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
/// and the key that follows from both. `priority = "high"` or `"low"` and `earlier(OldA, OldB)` go into the same
/// attribute; each earlier type is a message that the type can be made `From`. Needs serde's `Serialize` and `Deserialize` beside it.
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
    let Attributes {
        name,
        priority,
        earlier,
    } = attributes(input)?;
    let ident = &input.ident;
    let help = schema::help(&input.attrs);
    Ok(quote! {
        #schema

        #[automatically_derived]
        impl ::gshell_wire::Message for #ident {
            const NAME: &'static str = #name;
            const PRIORITY: ::gshell_wire::Priority = ::gshell_wire::Priority::#priority;
            const HELP: &'static str = #help;
            const EARLIER: &'static [::gshell_wire::Earlier<Self>] =
                &[#(::gshell_wire::Earlier::of::<#earlier>()),*];
        }
    })
}

/// What is in `#[message(...)]`.
struct Attributes {
    name: LitStr,
    /// Name of the variant of `Priority`.
    priority: Ident,
    earlier: Vec<Path>,
}

fn attributes(input: &DeriveInput) -> Result<Attributes> {
    let (mut name, mut priority, mut earlier) = (None, None, None);
    for attr in input.attrs.iter().filter(|attr| attr.path().is_ident("message")) {
        attr.parse_nested_meta(|meta| {
            let twice = || Err(meta.error("this is given twice"));
            if meta.path.is_ident("name") {
                return match name.replace(check(meta.value()?.parse()?)?) {
                    Some(_) => twice(),
                    None => Ok(()),
                };
            }
            if meta.path.is_ident("priority") {
                return match priority.replace(variant_of_priority(&meta.value()?.parse()?)?) {
                    Some(_) => twice(),
                    None => Ok(()),
                };
            }
            if meta.path.is_ident("earlier") {
                let list;
                parenthesized!(list in meta.input);
                let types = Punctuated::<Path, Token![,]>::parse_terminated(&list)?;
                return match earlier.replace(types.into_iter().collect()) {
                    Some(_) => twice(),
                    None => Ok(()),
                };
            }
            Err(meta.error(
                "expected `name = \"publisher.Type\"`, `priority = \"high\"` or \"low\", or `earlier(OldType, ...)`",
            ))
        })?;
    }
    let Some(name) = name else {
        return Err(Error::new_spanned(
            &input.ident,
            "a message needs #[message(name = \"publisher.Type\")]",
        ));
    };
    Ok(Attributes {
        name,
        priority: priority.unwrap_or_else(|| Ident::new("Normal", Span::call_site())),
        earlier: earlier.unwrap_or_default(),
    })
}

fn variant_of_priority(text: &LitStr) -> Result<Ident> {
    let variant = match text.value().as_str() {
        "high" => "High",
        "normal" => "Normal",
        "low" => "Low",
        _ => {
            return Err(Error::new(
                text.span(),
                "a priority is \"high\", \"normal\" or \"low\"",
            ));
        }
    };
    Ok(Ident::new(variant, Span::call_site()))
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
