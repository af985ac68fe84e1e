//! Attributes of serde that make the bytes differ from what the fields say. The schema is computed from the fields, so
//! such a type would promise one thing and send another; a compile error is kinder than a garbled message.

use syn::{Attribute, Error, Meta, Result, Token, punctuated::Punctuated};

const REFUSED: &[&str] = &[
    "content",
    "deserialize_with",
    "flatten",
    "from",
    "getter",
    "into",
    "other",
    "remote",
    "serialize_with",
    "skip",
    "skip_deserializing",
    "skip_serializing",
    "skip_serializing_if",
    "tag",
    "try_from",
    "untagged",
    "with",
];

/// Refuses what is in the list above.
pub fn check(attrs: &[Attribute]) -> Result<()> {
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("serde")) {
        for meta in attr.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)? {
            let Some(ident) = meta.path().get_ident() else {
                continue;
            };
            if REFUSED.iter().any(|name| ident == name) {
                let text = format!(
                    "serde's `{ident}` makes the bytes differ from the fields; write `impl gshell_wire::Schema` by hand \
                     to say what they are"
                );
                return Err(Error::new_spanned(ident, text));
            }
        }
    }
    Ok(())
}
