//! `gshell.log`: lines with time, name and level.

use std::path::Path;
use std::rc::Rc;

use mlua::{Function, Lua, LuaString, MultiValue, Result, Table, UserData, UserDataFields, UserDataRef};

use crate::api::options::{Options, invalid, quoted};
use crate::call::{self, Functions, Rest};
use crate::errors::{raise, raise_io};
use crate::{Context, Stream};

mod level;
mod logger;
mod sink;

use level::Level;
use logger::{Logger, MAX_LOGGERS, Shared, caller};
use sink::Sink;

/// Makes the module's table.
pub fn register(lua: &Lua, cx: &Rc<Context>) -> Result<Table> {
    let module = lua.create_table()?;
    let add = Functions { lua, table: &module };
    let shared = Rc::new(shared(lua, cx)?);
    let own = shared.logger(&cx.name).ok_or_else(too_many)?;
    for level in Level::LINES {
        let (shared, own) = (Rc::clone(&shared), Rc::clone(&own));
        add.nothing(level.name(), move |lua, Rest(args)| {
            write(lua, &shared, &own, level, args)
        })?;
    }
    add.value("level", move |_, ()| Ok(own.level.get().name()))?;
    settings(&add, cx, &shared)?;
    Ok(module)
}

fn shared(lua: &Lua, cx: &Rc<Context>) -> Result<Shared> {
    let library = |name: &str| lua.globals().raw_get::<Option<Table>>(name);
    let date = library("os")?
        .map(|os| os.raw_get::<Option<Function>>("date"))
        .transpose()?
        .flatten();
    let format = library("string")?
        .map(|string| string.raw_get::<Function>("format"))
        .transpose()?;
    let format = format.ok_or_else(|| raise("missing", "gshell.log needs string.format"))?;
    Ok(Shared::new(
        date,
        format,
        Sink::Stream(Rc::clone(&cx.output), Stream::Err),
    ))
}

fn settings(add: &Functions<'_>, cx: &Rc<Context>, shared: &Rc<Shared>) -> Result<()> {
    let this = Rc::clone(shared);
    add.nothing(
        "set_level",
        move |_, (level, patterns): (LuaString, Option<String>)| {
            this.set_level(parse("log.set_level", &level)?, patterns.as_deref());
            Ok(())
        },
    )?;
    let this = Rc::clone(shared);
    add.value("logger", move |_, (name,): (String,)| {
        let logger = this.logger(&name).ok_or_else(too_many)?;
        Ok(Object {
            shared: Rc::clone(&this),
            logger,
        })
    })?;
    let this = Rc::clone(shared);
    add.value("loggers", move |lua, ()| {
        lua.create_table_from(
            this.loggers()
                .into_iter()
                .map(|(name, level)| (name, level.name())),
        )
    })?;
    let (this, cx) = (Rc::clone(shared), Rc::clone(cx));
    add.nothing("setup", move |lua, (options,): (Table,)| {
        setup(lua, &cx, &this, options)
    })
}

fn too_many() -> mlua::Error {
    raise(
        "limit",
        format!("log.logger: this environment has {MAX_LOGGERS} loggers already"),
    )
}

fn parse(function: &'static str, level: &LuaString) -> Result<Level> {
    Level::parse(&level.to_string_lossy()).ok_or_else(|| {
        let message = format!(
            "\"{}\" is no level (trace, debug, info, warn, error, fatal, off)",
            quoted(level)
        );
        invalid(function, &message)
    })
}

fn setup(lua: &Lua, cx: &Rc<Context>, shared: &Shared, options: Table) -> Result<()> {
    let options = Options::new("log.setup", Some(options), &["utc", "source", "output"])?;
    if let Some(utc) = options.switch("utc")? {
        shared.utc.set(utc);
    }
    if let Some(source) = options.switch("source")? {
        shared.source.set(source);
    }
    let Some(output) = options.get::<String>(lua, "output")? else {
        return Ok(());
    };
    let sink = match (output.as_str(), output.strip_prefix("file:")) {
        ("stderr", _) => Sink::Stream(Rc::clone(&cx.output), Stream::Err),
        ("stdout", _) => Sink::Stream(Rc::clone(&cx.output), Stream::Out),
        (_, Some(path)) => Sink::file(Path::new(path))
            .map_err(|error| raise_io(&format!("open the log file {path}"), &error))?,
        _ => {
            let message = format!("option \"output\" is stderr, stdout or file:PATH, not \"{output}\"");
            return Err(invalid("log.setup", &message));
        }
    };
    shared.sink.replace(sink);
    Ok(())
}

/// Writes a line if its level is high enough; a fatal one raises an error besides.
fn write(lua: &Lua, shared: &Shared, logger: &Logger, level: Level, args: MultiValue) -> Result<()> {
    if level < logger.level.get() && level != Level::Fatal {
        return Ok(());
    }
    let text = shared.text(lua, args)?;
    if level >= logger.level.get() {
        let source = if shared.source.get() {
            caller(lua)
        } else {
            String::new()
        };
        let line = shared.line(
            crate::api::time::wall(),
            &logger.name,
            level,
            &source,
            &text.as_bytes(),
        )?;
        shared.sink.borrow().write(&line);
    }
    match level {
        Level::Fatal => Err(raise("fatal", text.to_string_lossy())),
        _ => Ok(()),
    }
}

/// Lua's logger.
struct Object {
    shared: Rc<Shared>,
    logger: Rc<Logger>,
}

impl UserData for Object {
    fn add_fields<F: UserDataFields<Self>>(fields: &mut F) {
        call::members(fields, members, methods);
    }
}

type This = UserDataRef<Object>;

fn members(add: &Functions<'_>) -> Result<()> {
    add.value("name", |_, (this,): (This,)| Ok(this.logger.name.clone()))
}

fn methods(add: &Functions<'_>) -> Result<()> {
    for level in Level::LINES {
        add.nothing(level.name(), move |lua, (this, Rest(args)): (This, Rest)| {
            write(lua, &this.shared, &this.logger, level, args)
        })?;
    }
    add.value("level", |_, (this,): (This,)| Ok(this.logger.level.get().name()))?;
    add.nothing("set_level", |_, (this, level): (This, LuaString)| {
        this.logger.level.set(parse("logger:set_level", &level)?);
        Ok(())
    })?;
    add.value("enabled", |_, (this, level): (This, LuaString)| {
        Ok(parse("logger:enabled", &level)? >= this.logger.level.get())
    })
}
