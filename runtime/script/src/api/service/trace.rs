//! `gshell.trace`: follows messages through services.

use std::rc::Rc;
use std::time::Duration;

use gshell_service::builtin::messages::{TraceFilter, TraceRead, TraceRecords, TraceTag, TraceUntag};
use gshell_service::trace::render::{Form, render};
use gshell_service::{Scopes, Timeout, discover, rt, trace};
use mlua::{Result, Table};

use super::Shared;
use super::fault::raised;
use crate::api::options::{Options, invalid};
use crate::call::Functions;

/// Time for a service of this machine to say what it noted.
const ANSWER: Duration = Duration::from_secs(2);

/// Adds the table.
pub fn register(add: &Functions<'_>, shared: &Rc<Shared>) -> Result<()> {
    let lua = add.lua;
    let table = lua.create_table()?;
    let own = Functions { lua, table: &table };
    own.value("tag", |lua, (name, options): (String, Option<Table>)| {
        let options = Options::new("gshell.trace.tag", options, &["count", "filters"])?;
        let mut filters = Vec::new();
        if let Some(given) = options.get::<Table>(lua, "filters")? {
            for pair in given.pairs::<String, String>() {
                let (path, pattern) = pair?;
                filters.push(TraceFilter { path, pattern });
            }
        }
        let request = TraceTag {
            name,
            count: options.get(lua, "count")?.unwrap_or(1),
            filters,
            token: String::new(),
        };
        Ok(trace::tag(&request).map_err(raised)?.token)
    })?;
    own.value("untag", |_, (name,): (Option<String>,)| {
        let name = name.unwrap_or_else(|| "*".to_owned());
        Ok(trace::untag(&TraceUntag { name }).count)
    })?;
    let mine = Rc::clone(shared);
    own.waiting(
        &shared.cx,
        "show",
        move |lua, cx, (options,): (Option<Table>,)| {
            let shared = Rc::clone(&mine);
            let request = request(&lua, options);
            async move {
                let (request, form) = request?;
                let found = cx.wait(collect(&shared, &request)).await?;
                let records: Vec<_> = found.into_iter().flat_map(|part| part.records).collect();
                Ok(render(&records, form))
            }
        },
    )?;
    add.table.raw_set("trace", table)
}

fn request(lua: &mlua::Lua, options: Option<Table>) -> Result<(TraceRead, Form)> {
    let function = "gshell.trace.show";
    let options = Options::new(function, options, &["token", "clear", "form"])?;
    let form = match options.get::<String>(lua, "form")?.as_deref() {
        None | Some("list") => Form::List,
        Some("plantuml") => Form::PlantUml,
        Some("mermaid") => Form::Mermaid,
        Some(other) => {
            let text = format!("option \"form\" takes list, plantuml, mermaid; not {other}");
            return Err(invalid(function, &text));
        }
    };
    let token = options.get(lua, "token")?.unwrap_or_default();
    let clear = options.flag("clear")?;
    Ok((TraceRead { token, clear }, form))
}

/// What this process noted, and all that have a service on this machine; each process once.
async fn collect(shared: &Shared, request: &TraceRead) -> Vec<TraceRecords> {
    let mut parts = vec![trace::read(request)];
    let Ok(node) = shared.node() else { return parts };
    let search = discover(node, "*", "*").scopes(Scopes::OS).timeout(Timeout::Once);
    for found in search.all().await.unwrap_or_default() {
        let asked = async {
            let client = found.address.connect(None).await.ok()?;
            client.call::<TraceRead, TraceRecords>(request.clone()).await.ok()
        };
        // A service that is busy or gone has nothing to say.
        let Some(Some(part)) = rt::timeout(ANSWER, asked).await else {
            continue;
        };
        match parts.iter_mut().find(|known| known.process == part.process) {
            // Read before: what it noted since, if it was to forget the rest.
            Some(known) if request.clear => known.records.extend(part.records),
            Some(_) => {}
            None => parts.push(part),
        }
    }
    parts
}
