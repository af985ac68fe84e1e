//! Types as they are written, made to be read outside of the function or impl that they come from; documentation.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::spanned::Spanned;
use syn::{Attribute, Error, Expr, GenericArgument, Lit, Meta, PathArguments, Result, Signature, Type};

/// The type for an expression or a constant: lifetimes are left to the compiler, `Self` is the type of the impl.
pub fn outside(ty: &Type, this: Option<&Type>) -> TokenStream {
    replace(ty.to_token_stream(), this)
}

fn replace(tokens: TokenStream, this: Option<&Type>) -> TokenStream {
    let mut out = TokenStream::new();
    let mut after_quote = false;
    for token in tokens {
        let lifetime = after_quote;
        after_quote = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '\'');
        match token {
            TokenTree::Group(group) => {
                let mut inner = Group::new(group.delimiter(), replace(group.stream(), this));
                inner.set_span(group.span());
                out.extend([TokenTree::Group(inner)]);
            }
            TokenTree::Ident(ident) if lifetime && ident != "static" => {
                out.extend([TokenTree::Ident(Ident::new("_", ident.span()))]);
            }
            TokenTree::Ident(ident) if ident == "Self" && this.is_some() => this.to_tokens(&mut out),
            token => out.extend([token]),
        }
    }
    out
}

/// `T` of `Result<T>` or `Result<T, E>`; any other type as it is.
pub fn success(ty: &Type) -> &Type {
    let Type::Path(path) = ty else {
        return ty;
    };
    let Some(last) = path.path.segments.last().filter(|last| last.ident == "Result") else {
        return ty;
    };
    match &last.arguments {
        PathArguments::AngleBracketed(arguments) => match arguments.args.first() {
            Some(GenericArgument::Type(inner)) => inner,
            _ => ty,
        },
        _ => ty,
    }
}

/// Whether the type is `()`.
pub fn is_unit(ty: &Type) -> bool {
    matches!(ty, Type::Tuple(tuple) if tuple.elems.is_empty())
}

/// Whether the type is a reference to something of this name: `&mut Call<'_>`.
pub fn refers_to(ty: &Type, name: &str) -> bool {
    let Type::Reference(reference) = ty else {
        return false;
    };
    matches!(&*reference.elem, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == name))
}

/// The lines of the documentation.
pub fn help(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(meta) if meta.path.is_ident("doc") => match &meta.value {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(text) => Some(text.value()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    });
    let lines: Vec<String> = lines
        .map(|line| line.strip_prefix(' ').unwrap_or(&line).trim_end().to_owned())
        .collect();
    lines.join("\n").trim().to_owned()
}

/// Refuses functions that nobody could call from outside.
pub fn check(signature: &Signature, what: &str) -> Result<()> {
    let problem = |span: Span, text: &str| Err(Error::new(span, format!("{what} {text}")));
    if let Some(word) = &signature.asyncness {
        return problem(
            word.span(),
            "is not async: make it blocking, then its caller's coroutine waits",
        );
    }
    if let Some(word) = &signature.unsafety {
        return problem(word.span(), "is safe: a script cannot keep conditions");
    }
    if let Some(generic) = signature.generics.type_params().next() {
        return problem(
            generic.span(),
            "has no type parameters: scripts bring the types that it says",
        );
    }
    if let Some(generic) = signature.generics.const_params().next() {
        return problem(generic.span(), "has no parameters of constants");
    }
    Ok(())
}

/// The type that a signature returns.
pub fn output(signature: &Signature) -> Type {
    match &signature.output {
        syn::ReturnType::Default => syn::parse_quote!(()),
        syn::ReturnType::Type(_, ty) => (**ty).clone(),
    }
}

/// A static that the rest of the text names.
pub fn hidden(kind: &str, name: &str) -> Ident {
    let name: String = name
        .chars()
        .map(|c| if c.is_alphanumeric() { c } else { '_' })
        .collect();
    Ident::new(
        &format!("__gshell_{kind}_{name}"),
        Span::mixed_site().resolved_at(Span::call_site()),
    )
}

/// Hides what is made for the descriptor from lints and documentation.
pub fn quiet() -> TokenStream {
    quote! { #[doc(hidden)] #[allow(non_upper_case_globals, non_camel_case_types, missing_docs, dead_code, clippy::all)] }
}
