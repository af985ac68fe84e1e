//! What makes a module a plugin: the descriptor, exported under its name, and the note in the file.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Expr, ItemMod};

use crate::attributes::Plugin;
use crate::module::Found;
use crate::tokens;

/// The module, with all that its attributes ask for inside, and the descriptor shown beside it.
pub fn write(options: &Plugin, found: &Found, module: &ItemMod) -> TokenStream {
    let ItemMod {
        attrs, vis, ident, ..
    } = module;
    let items = module.content.iter().flat_map(|content| &content.1);
    let functions = found
        .functions
        .iter()
        .chain(&found.load)
        .map(|function| &function.items);
    let objects = found.objects.iter().map(|object| &object.items);
    let services = found.services.iter().map(|service| &service.items);
    let messages = found.messages.items();
    let descriptor = descriptor(options, found);
    quote! {
        #(#attrs)*
        #vis mod #ident {
            #(#items)*
            #(#functions)*
            #(#objects)*
            #messages
            #(#services)*
            #descriptor
        }

        pub use #ident::PLUGIN;
    }
}

fn descriptor(options: &Plugin, found: &Found) -> TokenStream {
    let (name, symbol) = (&options.name, format!("gshell_plugin_{}", options.word()));
    let version = match &options.version {
        Some(version) => version.to_token_stream(),
        None => quote! { ::core::env!("CARGO_PKG_VERSION") },
    };
    let summary = match &options.summary {
        Some(summary) => summary.to_token_stream(),
        None => quote! { ::core::env!("CARGO_PKG_DESCRIPTION") },
    };
    let text = |source: &Option<Expr>| {
        source
            .as_ref()
            .map_or_else(|| quote! { "" }, ToTokens::to_token_stream)
    };
    let (lua, app) = (text(&options.lua), text(&options.app));
    let functions = found.functions.iter().map(|function| &function.entry);
    let constants = found.constants.iter().map(|constant| &constant.entry);
    let messages = found.messages.names();
    let classes = found.objects.iter().map(|object| &object.class);
    let services = found.services.iter().map(|service| &service.name);
    let load = match &found.load {
        Some(load) => {
            let entry = &load.entry;
            quote! { { const LOAD: ::gshell_plugin_sdk::abi::Function = #entry; LOAD.call } }
        }
        None => quote! { ::core::option::Option::None },
    };
    let quiet = tokens::quiet();
    quote! {
        /// The plugin, for programs that have it built in and for tests.
        #[unsafe(export_name = #symbol)]
        pub static PLUGIN: ::gshell_plugin_sdk::abi::Plugin = {
            static FUNCTIONS: &[::gshell_plugin_sdk::abi::Function] = &[#(#functions),*];
            static CONSTANTS: &[::gshell_plugin_sdk::abi::Constant] = &[#(#constants),*];
            static MESSAGES: &[&::gshell_plugin_sdk::abi::Message] = &[#(&#messages),*];
            static CLASSES: &[&::gshell_plugin_sdk::abi::Class] = &[#(&#classes),*];
            static SERVICES: &[&::gshell_plugin_sdk::abi::Service] = &[#(&#services),*];
            ::gshell_plugin_sdk::export::plugin(&::gshell_plugin_sdk::export::Parts {
                name: #name,
                version: #version,
                summary: #summary,
                functions: FUNCTIONS,
                constants: CONSTANTS,
                messages: MESSAGES,
                classes: CLASSES,
                services: SERVICES,
                lua: #lua,
                app: #app,
                load: #load,
            })
        };

        #quiet
        #[used]
        #[unsafe(link_section = ".note.gshell")]
        static __gshell_note: ::gshell_plugin_sdk::abi::Note = ::gshell_plugin_sdk::abi::Note::new(#name, #version);
    }
}
