//! `proc.sampler`: the sampler as Lua's object. A sample is read on the blocking pool, because memory
//! details of large processes take the kernel milliseconds each; the tables are built on the caller's thread.

use std::rc::Rc;
use std::time::Instant;

use gshell_service::rt;
use mlua::{AnyUserData, Lua, Result, Table, UserData, UserDataFields, UserDataRefMut, Value};

use super::procfs::Procfs;
use super::sampler::{Options as Watch, Sampler};
use super::{ROOT, Units, tables};
use crate::Context;
use crate::api::options::{Options, invalid};
use crate::call::{self, Functions};
use crate::errors::{raise, raise_io};

/// How often proportional memory is read when it is asked for by `true`: each 16th sample.
const PSS_EVERY: u32 = 16;

/// Lua's sampler. The inner one is away while a sample is being read.
struct Object {
    cx: Rc<Context>,
    units: Units,
    threads: bool,
    origin: Instant,
    inner: Option<Sampler>,
}

/// Adds `sampler` to the module.
pub fn register(add: &Functions<'_>, cx: &Rc<Context>, units: Units) -> Result<()> {
    let cx = Rc::clone(cx);
    let make = move |lua: &Lua, (table,): (Option<Table>,)| {
        let options = Options::new("proc.sampler", table, &["threads", "pss", "pids"])?;
        let watch = Watch {
            threads: options.flag("threads")?,
            pss_every: pss_every(lua, &options)?,
            only: options.get::<Vec<i32>>(lua, "pids")?.unwrap_or_default(),
            hertz: units.hertz,
        };
        let threads = watch.threads;
        let inner = Some(Sampler::new(Procfs::new(ROOT), watch));
        lua.create_userdata(Object {
            cx: Rc::clone(&cx),
            units,
            threads,
            origin: Instant::now(),
            inner,
        })
    };
    add.value("sampler", make)
}

/// `pss` is true (each 16th sample), false, or the number of samples between two readings.
fn pss_every(lua: &Lua, options: &Options) -> Result<u32> {
    match options.get::<Value>(lua, "pss")? {
        None | Some(Value::Boolean(false)) => Ok(0),
        Some(Value::Boolean(true)) => Ok(PSS_EVERY),
        Some(value) => match lua.unpack::<u32>(value) {
            Ok(every) if every > 0 => Ok(every),
            _ => Err(invalid(
                "proc.sampler",
                "option \"pss\" is true, false, or a number of samples, 1 or more",
            )),
        },
    }
}

impl UserData for Object {
    fn add_fields<F: UserDataFields<Self>>(fields: &mut F) {
        call::methods(fields, |add| {
            add.waiting_method("sample", |lua, (this,): (AnyUserData,)| {
                let cx = Rc::clone(&this.borrow::<Object>()?.cx);
                Ok((cx, sample(lua, this)))
            })
        });
    }
}

async fn sample(lua: Lua, this: AnyUserData) -> Result<Table> {
    let (mut inner, cx, origin) = this.borrow_mut::<Object>()?.begin()?;
    let read = rt::unblock(move || {
        let rows = inner.sample(origin.elapsed());
        (rows, inner)
    });
    // Not through `wait`: the sampler would be lost, and a reading is short.
    let (rows, inner) = read.await;
    let mut object: UserDataRefMut<Object> = this.borrow_mut()?;
    object.inner = Some(inner);
    if cx.is_stopped() {
        return cx.wait(std::future::pending::<Table>()).await;
    }
    let rows = rows.map_err(|error| raise_io(&format!("read {ROOT}"), &error))?;
    let list = lua.create_table_with_capacity(rows.len(), 0)?;
    for row in &rows {
        list.raw_push(tables::sampled(&lua, row, object.units, object.threads)?)?;
    }
    Ok(list)
}

impl Object {
    fn begin(&mut self) -> Result<(Sampler, Rc<Context>, Instant)> {
        let busy = || raise("busy", "proc.sampler: another task is taking a sample with it");
        Ok((
            self.inner.take().ok_or_else(busy)?,
            Rc::clone(&self.cx),
            self.origin,
        ))
    }
}
