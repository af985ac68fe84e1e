//! The module of a plugin: finds what its attributes mark, and writes what goes beside it.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Attribute, Error, Item, ItemConst, ItemFn, ItemImpl, ItemMod, Result};

use crate::attributes::{self, Options, Plugin};
use crate::constant::Constant;
use crate::function::{Function, Source};
use crate::object::Object;
use crate::service::{Messages, Service};
use crate::{plugin, tokens};

/// What a module has for scripts and callers.
#[derive(Default)]
pub struct Found {
    pub functions: Vec<Function>,
    pub constants: Vec<Constant>,
    pub objects: Vec<Object>,
    pub services: Vec<Service>,
    pub messages: Messages,
    /// What is called when the plugin is opened.
    pub load: Option<Function>,
}

/// The module with everything that makes it a plugin.
pub fn expand(options: &Plugin, mut module: ItemMod) -> Result<TokenStream> {
    let Some((_, items)) = &mut module.content else {
        let text = "the module of a plugin stands here: mod plugin { ... }";
        return Err(Error::new_spanned(&module, text));
    };
    let mut found = Found::default();
    let mut problems: Option<Error> = None;
    for item in items.iter_mut() {
        if let Err(error) = found.item(item) {
            match &mut problems {
                Some(problems) => problems.combine(error),
                None => problems = Some(error),
            }
        }
    }
    if let Some(problems) = problems {
        // Without the module, so that what is wrong is not also reported as attributes that nobody knows.
        return Err(problems);
    }
    for ty in &options.messages {
        found.messages.note(ty);
    }
    Ok(plugin::write(options, &found, &module))
}

impl Found {
    fn item(&mut self, item: &mut Item) -> Result<()> {
        match item {
            Item::Fn(function) => {
                match attributes::take(
                    &mut function.attrs,
                    &["function", "load"],
                    "a function of a plugin's module",
                )? {
                    Some((word, attribute)) if word == "load" => self.load(function, &attribute),
                    Some((_, attribute)) => self.function(function, &attribute),
                    None => Ok(()),
                }
            }
            Item::Const(constant) => {
                match attributes::take(&mut constant.attrs, &["constant"], "a constant")? {
                    Some((_, attribute)) => self.constant(constant, &attribute),
                    None => Ok(()),
                }
            }
            Item::Impl(block) => match attributes::take(&mut block.attrs, &["object", "service"], "an impl")?
            {
                Some((word, attribute)) if word == "object" => self.object(block, &attribute),
                Some((_, attribute)) => self.service(block, &attribute),
                None => Ok(()),
            },
            Item::Static(item) => attributes::take(&mut item.attrs, &[], "a static").map(drop),
            Item::Struct(item) => {
                attributes::take(&mut item.attrs, &[], "a struct: it goes onto its impl").map(drop)
            }
            Item::Enum(item) => {
                attributes::take(&mut item.attrs, &[], "an enum: it goes onto its impl").map(drop)
            }
            Item::Mod(item) => attributes::take(&mut item.attrs, &[], "a module").map(drop),
            _ => Ok(()),
        }
    }

    /// Refuses a second function, constant or class of a name: scripts see all of them in one table.
    fn check_name(&self, name: &str, at: &dyn ToTokens) -> Result<()> {
        let functions = self.functions.iter().map(|function| &function.name);
        let constants = self.constants.iter().map(|constant| &constant.name);
        let classes = self.objects.iter().map(|object| &object.name);
        let mut names = functions.chain(constants).chain(classes);
        match names.any(|other| other == name) {
            true => Err(Error::new_spanned(
                at,
                format!("scripts see something called {name:?} already"),
            )),
            false => Ok(()),
        }
    }

    fn function(&mut self, item: &ItemFn, attribute: &Attribute) -> Result<()> {
        let made = made(item, &Options::parse(attribute, &["name", "blocking"])?)?;
        self.check_name(&made.name, &item.sig.ident)?;
        self.functions.push(made);
        Ok(())
    }

    fn load(&mut self, item: &ItemFn, attribute: &Attribute) -> Result<()> {
        let options = Options::parse(attribute, &[])?;
        if !item.sig.inputs.is_empty() || !tokens::is_unit(tokens::success(&tokens::output(&item.sig))) {
            let text = "#[load] is for a function that takes nothing and returns () or Result<()>";
            return Err(Error::new_spanned(&item.sig, text));
        }
        if self.load.replace(made(item, &options)?).is_some() {
            return Err(Error::new_spanned(
                attribute,
                "one function of a plugin is called when it is opened",
            ));
        }
        Ok(())
    }

    fn constant(&mut self, item: &ItemConst, attribute: &Attribute) -> Result<()> {
        let made = Constant::new(item, &Options::parse(attribute, &["name"])?)?;
        self.check_name(&made.name, &item.ident)?;
        self.constants.push(made);
        Ok(())
    }

    fn object(&mut self, item: &mut ItemImpl, attribute: &Attribute) -> Result<()> {
        let options = Options::parse(attribute, &["name"])?;
        let made = Object::new(item, &options)?;
        self.check_name(&made.name, &item.self_ty)?;
        self.objects.push(made);
        Ok(())
    }

    fn service(&mut self, item: &mut ItemImpl, attribute: &Attribute) -> Result<()> {
        let options = Options::parse(attribute, &["publisher", "name"])?;
        self.services
            .push(Service::new(item, &options, attribute, &mut self.messages)?);
        Ok(())
    }
}

fn made(item: &ItemFn, options: &Options) -> Result<Function> {
    Function::new(&Source {
        signature: &item.sig,
        attributes: &item.attrs,
        options,
        this: None,
        scope: "",
    })
}
