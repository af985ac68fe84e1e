//! `fs.watch`: changes of files and folders, told by the kernel (inotify).

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use gshell_service::rt;
use mlua::{AnyUserData, Lua, LuaString, Result, Table, UserData, UserDataFields, UserDataRef};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent};

use crate::api::options::{duration, invalid};
use crate::api::support::path;
use crate::call::{self, Functions};
use crate::errors::raise_io;
use crate::sync::Signal;
use crate::{Context, Ticket};

/// Bits of an event and what scripts see; the first that is set counts.
const KINDS: [(AddWatchFlags, &str); 9] = [
    (AddWatchFlags::IN_Q_OVERFLOW, "overflow"),
    (AddWatchFlags::IN_CREATE, "create"),
    (AddWatchFlags::IN_MOVED_TO, "move_to"),
    (AddWatchFlags::IN_MOVED_FROM, "move_from"),
    (AddWatchFlags::IN_DELETE, "delete"),
    (AddWatchFlags::IN_CLOSE_WRITE, "write"),
    (AddWatchFlags::IN_MODIFY, "modify"),
    (AddWatchFlags::IN_ATTRIB, "attrib"),
    // The watched path itself was removed, renamed, or its file system left.
    (
        AddWatchFlags::IN_DELETE_SELF
            .union(AddWatchFlags::IN_MOVE_SELF)
            .union(AddWatchFlags::IN_UNMOUNT),
        "gone",
    ),
];

/// What is asked of the kernel.
fn mask() -> AddWatchFlags {
    let wanted = KINDS
        .iter()
        .fold(AddWatchFlags::empty(), |mask, (bits, _)| mask | *bits);
    wanted - AddWatchFlags::IN_Q_OVERFLOW - AddWatchFlags::IN_UNMOUNT
}

/// One watch; Lua's object and tasks that wait share it.
struct Watch {
    path: PathBuf,
    io: RefCell<Option<Rc<rt::Io<Inotify>>>>,
    ready: RefCell<VecDeque<Event>>,
    closed: Signal,
    /// Its place among the environment's open files.
    ticket: RefCell<Option<Ticket>>,
}

/// One change.
struct Event {
    kind: &'static str,
    path: PathBuf,
    folder: bool,
}

struct Object {
    cx: Rc<Context>,
    watch: Rc<Watch>,
}

impl Drop for Object {
    fn drop(&mut self) {
        self.watch.close();
    }
}

/// Adds `watch` to the module.
pub fn register(add: &Functions<'_>, cx: &Rc<Context>) -> Result<()> {
    let cx = Rc::clone(cx);
    let watch = move |lua: &Lua, (name,): (LuaString,)| {
        let target = path("fs.watch", &name)?;
        let what = format!("watch {}", target.display());
        let io = open(&target).map_err(|error| raise_io(&what, &error))?;
        let watch = Rc::new(Watch {
            path: target,
            io: RefCell::new(Some(Rc::new(io))),
            ready: RefCell::default(),
            closed: Signal::new(),
            ticket: RefCell::default(),
        });
        let closing = Rc::downgrade(&watch);
        let close = move || closing.upgrade().iter().for_each(|watch| watch.close());
        watch.ticket.replace(Some(cx.resources.add("a watch", close)?));
        lua.create_userdata(Object {
            cx: Rc::clone(&cx),
            watch,
        })
    };
    add.value("watch", watch)
}

fn open(target: &std::path::Path) -> io::Result<rt::Io<Inotify>> {
    let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
    inotify.add_watch(target, mask())?;
    rt::Io::new(inotify)
}

impl Watch {
    fn close(&self) {
        self.forget();
        self.closed.set();
    }

    /// Lets go of the descriptor; changes that were read are still given.
    fn forget(&self) {
        self.io.replace(None);
        self.ticket.replace(None);
    }

    /// The next change; `None` once closed, or when what was watched is gone for good.
    async fn next(&self) -> io::Result<Option<Event>> {
        loop {
            if let Some(event) = self.ready.borrow_mut().pop_front() {
                return Ok(Some(event));
            }
            let Some(io) = self.io.borrow().clone() else {
                return Ok(None);
            };
            let read = async {
                io.read_with(|inotify| inotify.read_events().map_err(io::Error::from))
                    .await
                    .map(Some)
            };
            let closed = async {
                self.closed.wait().await;
                Ok(None)
            };
            let Some(events) = futures_lite::future::or(read, closed).await? else {
                return Ok(None);
            };
            for event in events {
                if event.mask.contains(AddWatchFlags::IN_IGNORED) {
                    self.forget();
                }
                self.ready.borrow_mut().extend(self.translate(event));
            }
        }
    }

    fn translate(&self, event: InotifyEvent) -> Option<Event> {
        let (_, kind) = KINDS.iter().find(|(bits, _)| event.mask.intersects(*bits))?;
        let path = event
            .name
            .map_or_else(|| self.path.clone(), |name| self.path.join(name));
        Some(Event {
            kind,
            path,
            folder: event.mask.contains(AddWatchFlags::IN_ISDIR),
        })
    }
}

fn context_of(object: &AnyUserData) -> Result<Rc<Context>> {
    Ok(Rc::clone(&object.borrow::<Object>()?.cx))
}

/// Waits for the next change, no longer than `within`, and makes its table; `nil` if there is none.
async fn next(lua: Lua, object: AnyUserData, within: Option<Duration>) -> Result<Option<Table>> {
    let (watch, cx) = {
        let object: UserDataRef<Object> = object.borrow()?;
        (Rc::clone(&object.watch), Rc::clone(&object.cx))
    };
    let found = match within {
        Some(within) => cx
            .wait(rt::timeout(within, watch.next()))
            .await?
            .unwrap_or(Ok(None)),
        None => cx.wait(watch.next()).await?,
    };
    let found = found.map_err(|error| raise_io(&format!("watch {}", watch.path.display()), &error))?;
    let Some(event) = found else { return Ok(None) };
    let table = lua.create_table_with_capacity(0, 3)?;
    table.raw_set("kind", event.kind)?;
    table.raw_set("path", lua.create_string(event.path.as_os_str().as_bytes())?)?;
    table.raw_set("dir", event.folder)?;
    Ok(Some(table))
}

impl UserData for Object {
    fn add_fields<F: UserDataFields<Self>>(fields: &mut F) {
        call::methods(fields, methods);
        call::metamethod(fields, "__close", |lua| call::nothing(lua, close));
    }
}

fn methods(add: &Functions<'_>) -> Result<()> {
    add.waiting_method("next", |lua, (this, seconds): (AnyUserData, Option<f64>)| {
        let cx = context_of(&this)?;
        let next = async move {
            let refused = || invalid("watch:next", "the timeout is a number of seconds, 0 or more");
            let within = seconds
                .map(|seconds| duration(seconds).ok_or_else(refused))
                .transpose()?;
            next(lua, this, within).await
        };
        Ok((cx, next))
    })?;
    add.value("events", |lua, (this,): (AnyUserData,)| {
        context_of(&this)?.async_function(lua, move |lua, ()| next(lua, this.clone(), None))
    })?;
    add.nothing("close", close)
}

fn close(_: &Lua, (this,): (UserDataRef<Object>,)) -> Result<()> {
    this.watch.close();
    Ok(())
}
