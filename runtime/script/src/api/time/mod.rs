//! `gshell.time`: clocks, RFC 3339, durations. All times are seconds; wall time counts from 1970 in UTC.

use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mlua::{Function, Lua, LuaString, Result, Table, Value};

use crate::Context;
use crate::api::options::{invalid, quoted};
use crate::call::Functions;
use crate::errors::raise;

pub mod civil;
mod span;

/// Makes the module's table.
pub fn register(lua: &Lua, _cx: &Rc<Context>) -> Result<Table> {
    let module = lua.create_table()?;
    let add = Functions { lua, table: &module };
    clocks(&add)?;
    add.value("rfc3339", rfc3339)?;
    add.value("parse_rfc3339", parse_rfc3339)?;
    add.value("duration", duration)?;
    add.value("parse_duration", parse_duration)?;
    if let Some(os) = lua.globals().raw_get::<Option<Table>>("os")? {
        module.raw_set("date", os.raw_get::<Option<Function>>("date")?)?;
    }
    Ok(module)
}

/// Wall time since 1970; 0 when the clock stands before that, as on a board without a battery it may.
pub fn wall() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn clocks(add: &Functions<'_>) -> Result<()> {
    let origin = Instant::now();
    add.value("now", |_, ()| Ok(wall().as_secs_f64()))?;
    add.value("ms", |_, ()| {
        Ok(i64::try_from(wall().as_millis()).unwrap_or(i64::MAX))
    })?;
    add.value("monotonic", move |_, ()| Ok(origin.elapsed().as_secs_f64()))
}

fn rfc3339(lua: &Lua, (time, digits): (Value, Option<usize>)) -> Result<String> {
    let (seconds, nanos, natural) = match time {
        Value::Nil => {
            let now = wall();
            (
                i64::try_from(now.as_secs()).unwrap_or(i64::MAX),
                now.subsec_nanos(),
                3,
            )
        }
        Value::Integer(seconds) => (seconds, 0, 0),
        other => {
            let seconds: f64 = lua.unpack(other)?;
            let (whole, nanos) = civil::split(seconds).ok_or_else(beyond)?;
            (whole, nanos, 3)
        }
    };
    civil::format(seconds, nanos, digits.unwrap_or(natural)).ok_or_else(beyond)
}

fn beyond() -> mlua::Error {
    invalid("time.rfc3339", "the time is not within the years 0 to 9999")
}

fn parse_rfc3339(_: &Lua, (text,): (LuaString,)) -> Result<Value> {
    let parsed = text.to_str().ok().and_then(|text| civil::parse(&text));
    match parsed {
        Some((seconds, 0)) => Ok(Value::Integer(seconds)),
        Some((seconds, nanos)) => Ok(Value::Number(seconds as f64 + f64::from(nanos) / 1e9)),
        None => Err(raise(
            "invalid_data",
            format!(
                "time.parse_rfc3339: \"{}\" is no RFC 3339 time such as 2026-01-02T15:04:05Z",
                quoted(&text)
            ),
        )),
    }
}

fn duration(_: &Lua, (seconds,): (f64,)) -> Result<String> {
    span::format(seconds).ok_or_else(|| invalid("time.duration", "the number of seconds is not finite"))
}

fn parse_duration(_: &Lua, (text,): (LuaString,)) -> Result<f64> {
    text.to_str()
        .ok()
        .and_then(|text| span::parse(&text))
        .ok_or_else(|| {
            raise(
                "invalid_data",
                format!(
                    "time.parse_duration: \"{}\" is no duration such as 1h30m, 2.5s or 250ms",
                    quoted(&text)
                ),
            )
        })
}
