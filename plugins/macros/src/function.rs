//! `#[function]` and `#[method]`: what calls a function with the arguments of a script.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, Error, FnArg, Pat, Result, Signature, Type};

use crate::attributes::Options;
use crate::tokens;

/// A function that scripts call.
pub struct Function {
    /// As scripts call it.
    pub name: String,
    /// What makes it known to the rest: a type and its implementation.
    pub items: TokenStream,
    /// The entry of the descriptor's table.
    pub entry: TokenStream,
}

/// What is known of a function before its parameters are looked at.
pub struct Source<'a> {
    pub signature: &'a Signature,
    pub attributes: &'a [Attribute],
    pub options: &'a Options,
    /// The type whose method it is.
    pub this: Option<&'a Type>,
    /// Part of the hidden names.
    pub scope: &'a str,
}

impl Function {
    pub fn new(source: &Source<'_>) -> Result<Function> {
        let signature = source.signature;
        let what = if source.this.is_some() {
            "a method for scripts"
        } else {
            "a function for scripts"
        };
        tokens::check(signature, what)?;
        let rust = signature.ident.to_string();
        let rust = rust.trim_start_matches("r#");
        let name = source
            .options
            .name
            .as_ref()
            .map_or_else(|| rust.to_owned(), syn::LitStr::value);
        let shim = tokens::hidden("call", &format!("{}_{rust}", source.scope));
        let parameters = Parameters::read(source)?;
        let (takes, given, shapes) = (&parameters.takes, &parameters.given, &parameters.shapes);
        let callee = match source.this {
            Some(this) => {
                let ident = &signature.ident;
                quote! { <#this>::#ident }
            }
            None => {
                let ident = &signature.ident;
                quote! { #ident }
            }
        };
        let output = tokens::output(signature);
        let results = tokens::outside(&output, source.this);
        let put = quote_spanned! {output.span()=>
            <#results as ::gshell_plugin_sdk::Results>::put_all(__result, __call)
        };
        let quiet = tokens::quiet();
        let items = quote! {
            #quiet
            pub struct #shim;
            #[automatically_derived]
            impl ::gshell_plugin_sdk::export::Function for #shim {
                #[inline]
                #[allow(clippy::all, clippy::let_unit_value, unused_variables)]
                fn call(__call: &mut ::gshell_plugin_sdk::Call<'_>) -> ::gshell_plugin_sdk::Result<()> {
                    #(#takes)*
                    let __result = #callee(#(#given),*);
                    #put
                }
            }
        };
        let (help, flags) = (
            tokens::help(source.attributes),
            u32::from(source.options.blocking),
        );
        let entry = quote! {
            ::gshell_plugin_sdk::abi::Function {
                name: ::gshell_plugin_sdk::abi::Bytes::new(#name),
                signature: {
                    const SIGNATURE: ::gshell_plugin_sdk::Signature = ::gshell_plugin_sdk::Signature {
                        parameters: &[#(#shapes),*],
                        results: <#results as ::gshell_plugin_sdk::Results>::SHAPES,
                    };
                    static TEXT: [u8; SIGNATURE.len()] = SIGNATURE.text();
                    ::gshell_plugin_sdk::export::bytes(&TEXT)
                },
                help: ::gshell_plugin_sdk::abi::Bytes::new(#help),
                call: ::core::option::Option::Some(::gshell_plugin_sdk::export::function::<#shim>),
                flags: #flags,
                reserved: 0,
            }
        };
        Ok(Function { name, items, entry })
    }
}

/// What the parameters become.
struct Parameters {
    /// Statements that read them.
    takes: Vec<TokenStream>,
    /// What goes into the call.
    given: Vec<TokenStream>,
    /// Names and shapes for the signature.
    shapes: Vec<TokenStream>,
}

impl Parameters {
    fn read(source: &Source<'_>) -> Result<Parameters> {
        let mut parameters = Parameters {
            takes: Vec::new(),
            given: Vec::new(),
            shapes: Vec::new(),
        };
        let mut position = 0_u32;
        for input in &source.signature.inputs {
            position += 1;
            match input {
                FnArg::Receiver(receiver) => parameters.receiver(receiver, source.this, position)?,
                FnArg::Typed(typed) if tokens::refers_to(&typed.ty, "Call") => {
                    position -= 1;
                    parameters.given.push(quote! { __call });
                }
                FnArg::Typed(typed) => {
                    let ty = tokens::outside(&typed.ty, source.this);
                    let value = format_ident!("__{position}");
                    parameters.takes.push(quote_spanned! {typed.ty.span()=>
                        let #value = <#ty as ::gshell_plugin_sdk::Argument<'_>>::take(__call, #position)?;
                    });
                    parameters.given.push(quote! { #value });
                    let name = name_of(&typed.pat, position);
                    parameters
                        .shapes
                        .push(quote! { (#name, &<#ty as ::gshell_plugin_sdk::Argument<'_>>::SHAPE) });
                }
            }
        }
        if source.this.is_some() && source.signature.receiver().is_none() {
            let text = "a method has &self or &mut self; what makes an object is a function";
            return Err(Error::new_spanned(&source.signature.ident, text));
        }
        Ok(parameters)
    }

    fn receiver(&mut self, receiver: &syn::Receiver, this: Option<&Type>, position: u32) -> Result<()> {
        let Some(this) = this else {
            return Err(Error::new_spanned(
                receiver,
                "a function for scripts has no self: see #[object]",
            ));
        };
        if receiver.reference.is_none() || receiver.colon_token.is_some() {
            let text = "the script keeps the object: a method has &self or &mut self";
            return Err(Error::new_spanned(receiver, text));
        }
        let change = &receiver.mutability;
        self.takes.push(quote! {
            let __this = <& #change #this as ::gshell_plugin_sdk::Argument<'_>>::take(__call, #position)?;
        });
        self.given.push(quote! { __this });
        Ok(())
    }
}

/// The name of a parameter, for the signature.
fn name_of(pattern: &Pat, position: u32) -> String {
    match pattern {
        Pat::Ident(ident) => {
            let name = ident.ident.to_string();
            name.trim_start_matches("r#").trim_start_matches('_').to_owned()
        }
        _ => format!("arg{position}"),
    }
}
