//! `#[service]` and `#[handler]`: messages that a plugin answers.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, FnArg, ImplItem, ImplItemFn, ItemImpl, LitStr, Result, Type};

use crate::attributes::{self, Options};
use crate::object::type_of;
use crate::tokens;

/// The flags of the ABI.
const BLOCKING: u32 = 1;
const STREAM: u32 = 2;

/// The message types of a plugin, each once, and the statics that describe them.
#[derive(Default)]
pub struct Messages {
    types: Vec<(String, Type, Ident)>,
}

impl Messages {
    /// The static of a type, which is noted if it is new.
    pub fn note(&mut self, ty: &Type) -> Ident {
        let text = ty.to_token_stream().to_string();
        if let Some((_, _, known)) = self.types.iter().find(|known| known.0 == text) {
            return known.clone();
        }
        let made = tokens::hidden("message", &format!("{}_{text}", self.types.len()));
        self.types.push((text, ty.clone(), made.clone()));
        made
    }

    /// The statics, and the list that streams and replies look types up in.
    pub fn items(&self) -> TokenStream {
        let quiet = tokens::quiet();
        let statics = self.types.iter().map(|(_, ty, name)| {
            let made = quote_spanned! {ty.span()=> ::gshell_plugin_sdk::export::message::<#ty>() };
            quote! { #quiet pub static #name: ::gshell_plugin_sdk::abi::Message = #made; }
        });
        let known = self
            .types
            .iter()
            .map(|(_, ty, name)| quote! { ::gshell_plugin_sdk::export::known::<#ty>(&#name) });
        let list = tokens::hidden("known", "messages");
        quote! {
            #(#statics)*
            #quiet
            static #list: &[::gshell_plugin_sdk::export::Known] = &[#(#known),*];
            const _: () = assert!(
                ::gshell_plugin_sdk::export::unique(#list),
                "two paths name one message type: name it in one way throughout the module"
            );
        }
    }

    /// The statics.
    pub fn names(&self) -> impl Iterator<Item = &Ident> {
        self.types.iter().map(|known| &known.2)
    }
}

/// A service.
pub struct Service {
    /// What is written for it.
    pub items: TokenStream,
    /// The name of its static.
    pub name: Ident,
}

/// What is the same for all handlers of a service.
struct Context<'a> {
    this: &'a Type,
    rust: &'a str,
    state: &'a Ident,
    messages: &'a mut Messages,
    /// Whether a handler has `&self`.
    has_state: bool,
}

impl Service {
    /// Reads an impl and takes the attributes off its handlers.
    pub fn new(
        item: &mut ItemImpl,
        options: &Options,
        at: &dyn ToTokens,
        messages: &mut Messages,
    ) -> Result<Service> {
        let (this, rust) = type_of(item, "#[service]")?;
        let (Some(publisher), Some(name)) = (&options.publisher, &options.name) else {
            let text = "a service has two names: #[service(publisher = \"example\", name = \"echo\")]";
            return Err(Error::new_spanned(at, text));
        };
        let state = tokens::hidden("state", &rust);
        let mut context = Context {
            this: &this,
            rust: &rust,
            state: &state,
            messages,
            has_state: false,
        };
        let (mut written, mut entries) = (Vec::new(), Vec::new());
        for part in &mut item.items {
            let ImplItem::Fn(function) = part else {
                continue;
            };
            let found = attributes::take(&mut function.attrs, &["handler"], "a function of a #[service]")?;
            if let Some((_, attribute)) = found {
                let options = Options::parse(&attribute, &["blocking", "stream", "sends", "receives"])?;
                let (items, entry) = context.handler(function, &options, &attribute)?;
                written.push(items);
                entries.push(entry);
            }
        }
        let quiet = tokens::quiet();
        if context.has_state {
            written.push(
                quote! { #quiet static #state: ::std::sync::OnceLock<#this> = ::std::sync::OnceLock::new(); },
            );
        }
        let help = tokens::help(&item.attrs);
        let service = tokens::hidden("service", &rust);
        let items = Service::text(&service, publisher, name, &help, &written, &entries);
        Ok(Service { items, name: service })
    }

    fn text(
        service: &Ident,
        publisher: &LitStr,
        name: &LitStr,
        help: &str,
        written: &[TokenStream],
        entries: &[TokenStream],
    ) -> TokenStream {
        let quiet = tokens::quiet();
        quote! {
            #(#written)*

            #quiet
            pub static #service: ::gshell_plugin_sdk::abi::Service = {
                static HANDLERS: &[::gshell_plugin_sdk::abi::Handler] = &[#(#entries),*];
                ::gshell_plugin_sdk::abi::Service {
                    size: ::core::mem::size_of::<::gshell_plugin_sdk::abi::Service>() as u32,
                    handler_count: HANDLERS.len() as u32,
                    publisher: ::gshell_plugin_sdk::abi::Bytes::new(#publisher),
                    name: ::gshell_plugin_sdk::abi::Bytes::new(#name),
                    handlers: HANDLERS.as_ptr(),
                    help: ::gshell_plugin_sdk::abi::Bytes::new(#help),
                }
            };
        }
    }
}

impl Context<'_> {
    /// What calls a handler, and its entry in the table.
    fn handler(
        &mut self,
        function: &ImplItemFn,
        options: &Options,
        at: &dyn ToTokens,
    ) -> Result<(TokenStream, TokenStream)> {
        let signature = &function.sig;
        tokens::check(signature, "a handler")?;
        let output = tokens::output(signature);
        let reply = tokens::success(&output);
        let is_stream = !options.sends.is_empty() || !options.receives.is_empty();
        if is_stream && !options.stream {
            return Err(Error::new_spanned(
                at,
                "sends and receives are for #[handler(stream, ...)]",
            ));
        }
        if options.stream && !tokens::is_unit(reply) {
            let text = "a handler of streams answers by what it sends, and returns () or Result<()>";
            return Err(Error::new_spanned(&signature.output, text));
        }
        let (request, given) = self.parameters(function, options)?;
        let known = tokens::hidden("known", "messages");
        let shim = tokens::hidden("handle", &format!("{}_{}", self.rust, signature.ident));
        let (this, ident, quiet) = (self.this, &signature.ident, tokens::quiet());
        let replies: Vec<Ident> = match tokens::is_unit(reply) {
            true => options.sends.iter().map(|ty| self.messages.note(ty)).collect(),
            false => vec![self.messages.note(reply)],
        };
        for ty in &options.receives {
            self.messages.note(ty);
        }
        let asked = self.messages.note(&request);
        let answer =
            quote_spanned! {reply.span()=> ::gshell_plugin_sdk::export::Answer::<#reply>::answer(__answer)? };
        let finish = match replies.first().filter(|_| !tokens::is_unit(reply)) {
            Some(of) => quote! { __caller.reply(&#of, &#answer) },
            None => quote! { #answer; ::core::result::Result::Ok(()) },
        };
        let read = quote_spanned! {request.span()=> ::gshell_plugin_sdk::export::body::<#request>(__body)? };
        let stream = options
            .stream
            .then(|| quote! { let mut __stream = __caller.stream(#known); });
        let items = quote! {
            #quiet
            pub struct #shim;
            #[automatically_derived]
            impl ::gshell_plugin_sdk::export::Handler for #shim {
                #[allow(clippy::all, unused_mut)]
                fn handle(__caller: &mut ::gshell_plugin_sdk::Caller<'_>, __body: &[u8]) -> ::gshell_plugin_sdk::Result<()> {
                    let __request = #read;
                    let __answer = {
                        #stream
                        <#this>::#ident(#(#given),*)
                    };
                    #finish
                }
            }
        };
        let mut flags = if options.blocking { BLOCKING } else { 0 };
        flags |= if options.stream { STREAM } else { 0 };
        let count = replies.len() as u32;
        let entry = quote! {
            ::gshell_plugin_sdk::abi::Handler {
                request: &#asked,
                replies: {
                    static REPLIES: &[&::gshell_plugin_sdk::abi::Message] = &[#(&#replies),*];
                    REPLIES.as_ptr().cast()
                },
                call: ::core::option::Option::Some(::gshell_plugin_sdk::export::handler::<#shim>),
                reply_count: #count,
                flags: #flags,
            }
        };
        Ok((items, entry))
    }

    /// The type of the request, and what goes into the call.
    fn parameters(&mut self, function: &ImplItemFn, options: &Options) -> Result<(Type, Vec<TokenStream>)> {
        let (mut request, mut given) = (None, Vec::new());
        for input in &function.sig.inputs {
            match input {
                FnArg::Receiver(receiver) => {
                    if receiver.reference.is_none() || receiver.mutability.is_some() {
                        let text = "handlers run on several threads: &self, and a Mutex for what changes";
                        return Err(Error::new_spanned(receiver, text));
                    }
                    self.has_state = true;
                    let (state, this) = (self.state, self.this);
                    given.push(quote! { #state.get_or_init(<#this as ::core::default::Default>::default) });
                }
                FnArg::Typed(typed) if tokens::refers_to(&typed.ty, "Caller") => {
                    given.push(quote! { &*__caller })
                }
                FnArg::Typed(typed) if tokens::refers_to(&typed.ty, "Stream") => {
                    if !options.stream {
                        let text = "a stream is for #[handler(stream, sends(...))]";
                        return Err(Error::new_spanned(&typed.ty, text));
                    }
                    given.push(quote! { &mut __stream });
                }
                FnArg::Typed(typed) if request.is_none() => {
                    request = Some((*typed.ty).clone());
                    given.push(quote! { __request });
                }
                FnArg::Typed(typed) => {
                    let text = "a handler takes one message; beside it &Caller, or &mut Stream for #[handler(stream)]";
                    return Err(Error::new_spanned(typed, text));
                }
            }
        }
        match request {
            Some(request) => Ok((request, given)),
            None => Err(Error::new_spanned(
                &function.sig.ident,
                "a handler takes a message",
            )),
        }
    }
}
