//! `gshell.discover`, `gshell.discover_all` and `gshell.connect`.

use std::rc::Rc;
use std::time::Instant;

use gshell_service::{Address, Discover, Found, Scopes, Select, Timeout, discover};
use mlua::{Lua, Result, Table, Value};

use super::Shared;
use super::conn::Connection;
use super::fault::raised;
use super::states::PUBLISHER;
use crate::api::options::{Options, invalid};
use crate::call::Functions;

/// Adds the functions.
pub fn register(add: &Functions<'_>, shared: &Rc<Shared>) -> Result<()> {
    let own = Rc::clone(shared);
    add.waiting(
        &shared.cx,
        "discover",
        move |lua, cx, (publisher, service, options): (String, String, Option<Table>)| {
            let shared = Rc::clone(&own);
            let search = search(&lua, &shared, "gshell.discover", (&publisher, &service), options);
            async move {
                let (search, reconnects) = search?;
                let client = cx.wait(search.one()).await?.map_err(raised)?;
                Connection::new(&shared, format!("{publisher}/{service}"), client, reconnects)
            }
        },
    )?;
    let own = Rc::clone(shared);
    add.waiting(
        &shared.cx,
        "discover_all",
        move |lua, cx, (publisher, service, options): (String, String, Option<Table>)| {
            let shared = Rc::clone(&own);
            let search = search(
                &lua,
                &shared,
                "gshell.discover_all",
                (&publisher, &service),
                options,
            );
            let lua = lua.weak();
            async move {
                let found = cx.wait(search?.0.all()).await?;
                let found = match found {
                    // Nothing found is an empty list.
                    Err(fault) if fault.code() == Some(gshell_wire::Code::NotFound) => Vec::new(),
                    found => found.map_err(raised)?,
                };
                match lua.try_upgrade() {
                    Some(lua) => list(&lua, found).map(Value::Table),
                    None => Ok(Value::Nil),
                }
            }
        },
    )?;
    let own = Rc::clone(shared);
    add.waiting(
        &shared.cx,
        "connect",
        move |lua, cx, (address, options): (String, Option<Table>)| {
            let shared = Rc::clone(&own);
            let timeout = Options::new("gshell.connect", options, &["timeout"])
                .and_then(|options| options.seconds(&lua, "timeout"));
            async move {
                let deadline = timeout?.and_then(|limit| Instant::now().checked_add(limit));
                let place = Address::parse(&address).map_err(raised)?;
                let client = cx.wait(place.connect(deadline)).await?.map_err(raised)?;
                Connection::new(&shared, address, client, false)
            }
        },
    )
}

const KNOWN: &[&str] = &["timeout", "scope", "provider", "select", "reconnect"];

fn search(
    lua: &Lua,
    shared: &Shared,
    function: &'static str,
    (publisher, service): (&str, &str),
    options: Option<Table>,
) -> Result<(Discover, bool)> {
    let options = Options::new(function, options, KNOWN)?;
    let mut search = discover(shared.node()?, publisher, service);
    if let Some(seconds) = options.get::<f64>(lua, "timeout")? {
        if seconds.is_nan() {
            return Err(invalid(function, "option \"timeout\" is a number of seconds"));
        }
        search = search.timeout(Timeout::from_secs(seconds));
    }
    if let Some(scope) = options.get::<Value>(lua, "scope")? {
        search = search.scopes(scopes(function, &scope)?);
    }
    if let Some(provider) = options.get::<String>(lua, "provider")? {
        search = search.provider(&provider);
    }
    if let Some(select) = options.get::<Value>(lua, "select")? {
        let methods = words(function, "select", &select)?.into_iter().map(|word| {
            Ok(match word.as_str() {
                "capacity" => Select::Capacity,
                "latency" => Select::Latency,
                "random" => Select::Random,
                other => {
                    let text = format!("option \"select\" takes capacity, latency, random; not {other}");
                    return Err(invalid(function, &text));
                }
            })
        });
        search = search.select(methods.collect::<Result<Vec<_>>>()?);
    }
    let reconnect = options.flag("reconnect")?;
    Ok((search.reconnect(reconnect), reconnect))
}

/// Scopes from `"os,process"` or a list of their names.
pub fn scopes(function: &'static str, value: &Value) -> Result<Scopes> {
    let mut scopes = Scopes::NONE;
    for word in words(function, "scope", value)? {
        scopes |= match word.as_str() {
            "process" => Scopes::PROCESS,
            "os" => Scopes::OS,
            "lan" => Scopes::LAN,
            "wan" => Scopes::WAN,
            "all" => Scopes::ALL,
            other => {
                let text = format!("option \"scope\" takes process, os, lan, wan, all; not {other}");
                return Err(invalid(function, &text));
            }
        };
    }
    Ok(scopes)
}

/// Words with commas between them, or a list of words; in lower case.
fn words(function: &'static str, option: &str, value: &Value) -> Result<Vec<String>> {
    let text = match value {
        Value::String(text) => text.to_string_lossy(),
        Value::Table(list) => list
            .clone()
            .sequence_values::<String>()
            .collect::<Result<Vec<_>>>()?
            .join(","),
        other => {
            let text = format!(
                "option \"{option}\" is text or a list, not a {}",
                other.type_name()
            );
            return Err(invalid(function, &text));
        }
    };
    let words = text.split(',').map(|word| word.trim().to_ascii_lowercase());
    Ok(words.filter(|word| !word.is_empty()).collect())
}

fn list(lua: &Lua, found: Vec<Found>) -> Result<Table> {
    let list = lua.create_table_with_capacity(found.len(), 0)?;
    for found in found.into_iter().filter(|found| found.publisher != PUBLISHER) {
        let entry = lua.create_table_with_capacity(0, 5)?;
        entry.raw_set("publisher", found.publisher)?;
        entry.raw_set("service", found.service)?;
        entry.raw_set("provider", found.provider)?;
        entry.raw_set("scope", found.scope.to_string().to_ascii_lowercase())?;
        entry.raw_set("address", found.address.to_string())?;
        list.raw_push(entry)?;
    }
    Ok(list)
}
