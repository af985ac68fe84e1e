//! What stands in the brackets of the attributes.

use proc_macro2::{Span, TokenStream};
use syn::meta::ParseNestedMeta;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Attribute, Error, Expr, LitStr, Meta, Result, Token, Type, parenthesized};

/// Bytes of a plugin's name at most.
const NAME_MAX: usize = 63;
/// Bytes of a plugin's version at most, for the note.
const VERSION_MAX: usize = 31;

/// `#[plugin(...)]`.
pub struct Plugin {
    pub name: LitStr,
    pub summary: Option<Expr>,
    pub version: Option<LitStr>,
    pub lua: Option<Expr>,
    pub app: Option<Expr>,
    pub messages: Vec<Type>,
}

/// What any of the other attributes may say; which of it, the caller tells.
#[derive(Default)]
pub struct Options {
    pub name: Option<LitStr>,
    pub publisher: Option<LitStr>,
    pub blocking: bool,
    pub stream: bool,
    pub sends: Vec<Type>,
    pub receives: Vec<Type>,
}

/// Sets what may be said once.
fn once<T>(place: &mut Option<T>, value: T, meta: &ParseNestedMeta<'_>) -> Result<()> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(meta.error("this is said twice")),
    }
}

fn types(meta: &ParseNestedMeta<'_>) -> Result<Vec<Type>> {
    let list;
    parenthesized!(list in meta.input);
    Ok(Punctuated::<Type, Token![,]>::parse_terminated(&list)?
        .into_iter()
        .collect())
}

impl Plugin {
    pub fn parse(tokens: TokenStream) -> Result<Plugin> {
        let (mut name, mut version) = (None, None);
        let (mut summary, mut lua, mut app) = (None, None, None);
        let mut messages = Vec::new();
        let parser = syn::meta::parser(|meta| {
            let Some(word) = meta.path.get_ident() else {
                return Err(meta.error("a word is expected here"));
            };
            match word.to_string().as_str() {
                "name" => once(&mut name, meta.value()?.parse()?, &meta),
                "version" => once(&mut version, meta.value()?.parse()?, &meta),
                "summary" => once(&mut summary, meta.value()?.parse()?, &meta),
                "lua" => once(&mut lua, meta.value()?.parse()?, &meta),
                "app" => once(&mut app, meta.value()?.parse()?, &meta),
                "messages" => {
                    messages.extend(types(&meta)?);
                    Ok(())
                }
                _ => Err(meta.error("#[plugin] takes name, summary, version, lua, app and messages(...)")),
            }
        });
        parser.parse2(tokens)?;
        let Some(name) = name else {
            let text = "a plugin has a name: #[plugin(name = \"echo\")]";
            return Err(Error::new(Span::call_site(), text));
        };
        check_name(&name)?;
        if let Some(version) = &version {
            check_version(version)?;
        }
        Ok(Plugin {
            name,
            summary,
            version,
            lua,
            app,
            messages,
        })
    }

    /// The name as part of a symbol.
    pub fn word(&self) -> String {
        let word = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
        self.name.value().chars().map(word).collect()
    }
}

fn check_name(name: &LitStr) -> Result<()> {
    let text = name.value();
    let allowed = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '_' | '-' | '.' | '/');
    let part = |part: &str| part.starts_with(|c: char| c.is_ascii_alphanumeric());
    let problem = if text.is_empty() || !text.chars().all(allowed) {
        "a plugin's name is made of a-z, 0-9, \"_\", \"-\", \".\" and \"/\""
    } else if text.len() > NAME_MAX {
        "a plugin's name has 63 bytes at most"
    } else if !text.split('/').all(part) {
        "each part of a plugin's name begins with a letter or a digit"
    } else {
        return Ok(());
    };
    Err(Error::new(name.span(), problem))
}

fn check_version(version: &LitStr) -> Result<()> {
    match version.value().len() {
        1..=VERSION_MAX => Ok(()),
        _ => Err(Error::new(
            version.span(),
            "a version has 1 to 31 bytes, as in \"1.2.3\"",
        )),
    }
}

impl Options {
    /// Reads `#[function(...)]` and its like, which may say only what is in `allowed`.
    pub fn parse(attribute: &Attribute, allowed: &[&str]) -> Result<Options> {
        let mut options = Options::default();
        if matches!(attribute.meta, Meta::Path(_)) {
            return Ok(options);
        }
        attribute.parse_nested_meta(|meta| {
            let word = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
            if !allowed.contains(&word.as_str()) {
                let text = match allowed {
                    [] => "this attribute takes nothing".to_owned(),
                    _ => format!("this attribute takes: {}", allowed.join(", ")),
                };
                return Err(meta.error(text));
            }
            match word.as_str() {
                "name" => once(&mut options.name, meta.value()?.parse()?, &meta),
                "publisher" => once(&mut options.publisher, meta.value()?.parse()?, &meta),
                "sends" => {
                    options.sends.extend(types(&meta)?);
                    Ok(())
                }
                "receives" => {
                    options.receives.extend(types(&meta)?);
                    Ok(())
                }
                _ => {
                    options.blocking |= word == "blocking";
                    options.stream |= word == "stream";
                    Ok(())
                }
            }
        })?;
        Ok(options)
    }
}

/// The words that the macro reads; on other items they are mistakes.
pub const OURS: &[&str] = &[
    "function", "constant", "object", "method", "service", "handler", "load",
];

/// Takes the one attribute of ours off an item: its word and itself.
///
/// # Errors
/// When there are two, or one that does not go onto such an item.
pub fn take(
    attributes: &mut Vec<Attribute>,
    fitting: &[&str],
    item: &str,
) -> Result<Option<(String, Attribute)>> {
    let mut found: Option<(String, Attribute)> = None;
    let mut kept = Vec::new();
    for attribute in attributes.drain(..) {
        let word = attribute
            .path()
            .get_ident()
            .map(ToString::to_string)
            .unwrap_or_default();
        if !OURS.contains(&word.as_str()) {
            kept.push(attribute);
        } else if !fitting.contains(&word.as_str()) {
            return Err(Error::new_spanned(
                &attribute,
                format!("#[{word}] does not go onto {item}"),
            ));
        } else if found.is_some() {
            return Err(Error::new_spanned(
                &attribute,
                "one of these attributes is enough",
            ));
        } else {
            found = Some((word, attribute));
        }
    }
    *attributes = kept;
    Ok(found)
}
