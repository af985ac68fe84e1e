//! Rust functions for Lua.
//!
//! mlua makes its glue around a function (reading arguments, pushing results) anew for each function's type. Here the
//! glue is made for each *shape* of function instead, such as "two arguments, one value", and what differs between
//! functions is behind a pointer: the program has a few of them, where it would have a hundred.

use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;

use mlua::{
    Error, FromLua, FromLuaMulti, Function, IntoLua, IntoLuaMulti, Lua, MultiValue, Result, Table,
    UserDataFields, Value,
};

use crate::Context;
use crate::held::{Boxed, Held, Pending};

/// Arguments of a function: a tuple of what Lua's values are turned into. The last may be [`Rest`].
pub trait Arguments: Sized {
    /// The same number of Lua's values.
    type Raw: FromLuaMulti + 'static;

    /// Turns them into what the function takes; the error of one that does not fit has its position.
    ///
    /// # Errors
    /// When a value does not fit.
    fn read(raw: Self::Raw, lua: &Lua) -> Result<Self>;
}

/// All further arguments.
pub struct Rest(pub MultiValue);

impl Arguments for () {
    type Raw = ();

    fn read((): (), _: &Lua) -> Result<()> {
        Ok(())
    }
}

impl<A: FromLua> Arguments for (A,) {
    type Raw = Value;

    fn read(a: Value, lua: &Lua) -> Result<Self> {
        Ok((argument(a, 1, lua)?,))
    }
}

impl<A: FromLua, B: FromLua> Arguments for (A, B) {
    type Raw = (Value, Value);

    fn read((a, b): (Value, Value), lua: &Lua) -> Result<Self> {
        Ok((argument(a, 1, lua)?, argument(b, 2, lua)?))
    }
}

impl<A: FromLua, B: FromLua, C: FromLua> Arguments for (A, B, C) {
    type Raw = (Value, Value, Value);

    fn read((a, b, c): (Value, Value, Value), lua: &Lua) -> Result<Self> {
        Ok((argument(a, 1, lua)?, argument(b, 2, lua)?, argument(c, 3, lua)?))
    }
}

impl<A: FromLua, B: FromLua, C: FromLua, D: FromLua> Arguments for (A, B, C, D) {
    type Raw = (Value, Value, Value, Value);

    fn read((a, b, c, d): Self::Raw, lua: &Lua) -> Result<Self> {
        let (a, b) = (argument(a, 1, lua)?, argument(b, 2, lua)?);
        Ok((a, b, argument(c, 3, lua)?, argument(d, 4, lua)?))
    }
}

impl Arguments for Rest {
    type Raw = MultiValue;

    fn read(all: MultiValue, _: &Lua) -> Result<Self> {
        Ok(Rest(all))
    }
}

impl<A: FromLua> Arguments for (A, Rest) {
    type Raw = (Value, MultiValue);

    fn read((a, rest): (Value, MultiValue), lua: &Lua) -> Result<Self> {
        Ok((argument(a, 1, lua)?, Rest(rest)))
    }
}

fn argument<T: FromLua>(value: Value, position: usize, lua: &Lua) -> Result<T> {
    T::from_lua(value, lua).map_err(|error| misfit(position, error))
}

/// All of them as this type.
///
/// # Errors
/// When one does not fit.
pub fn each<T: FromLua>(values: MultiValue, lua: &Lua) -> Result<Vec<T>> {
    let numbered = (1..).zip(values);
    numbered
        .map(|(position, value)| argument(value, position, lua))
        .collect()
}

/// The error of an argument; [`crate::errors`] adds the function's name from the traceback.
#[cold]
#[inline(never)]
#[allow(clippy::arc_with_non_send_sync)] // mlua's own kind of error, which wants an Arc
pub(crate) fn misfit(position: usize, error: Error) -> Error {
    Error::BadArgument {
        to: None,
        pos: position,
        name: None,
        cause: Arc::new(error),
    }
}

type Body<Raw, Out> = Box<dyn Fn(&Lua, Raw) -> Result<Out>>;

/// The one place where mlua makes glue: once for each pair of types.
#[inline(never)]
fn make<Raw: FromLuaMulti + 'static, Out: IntoLuaMulti + 'static>(
    lua: &Lua,
    body: Body<Raw, Out>,
) -> Result<Function> {
    lua.create_function(body)
}

/// A function that gives one value.
pub fn value<A: Arguments, R: IntoLua>(
    lua: &Lua,
    body: impl Fn(&Lua, A) -> Result<R> + 'static,
) -> Result<Function> {
    make::<A::Raw, Value>(
        lua,
        Box::new(move |lua, raw| body(lua, A::read(raw, lua)?)?.into_lua(lua)),
    )
}

/// A function that gives nothing.
pub fn nothing<A: Arguments>(lua: &Lua, body: impl Fn(&Lua, A) -> Result<()> + 'static) -> Result<Function> {
    make::<A::Raw, ()>(lua, Box::new(move |lua, raw| body(lua, A::read(raw, lua)?)))
}

/// A function that gives any number of values.
pub fn values<A: Arguments, R: IntoLuaMulti>(
    lua: &Lua,
    body: impl Fn(&Lua, A) -> Result<R> + 'static,
) -> Result<Function> {
    make::<A::Raw, MultiValue>(
        lua,
        Box::new(move |lua, raw| body(lua, A::read(raw, lua)?)?.into_lua_multi(lua)),
    )
}

/// What a function that waits gives when it is called: its future, and where that is held.
type Waits = Box<dyn Fn(Lua, MultiValue) -> Result<(Rc<Pending>, Boxed)>>;

#[inline(never)]
fn make_waiting(lua: &Lua, body: Waits) -> Result<Function> {
    lua.create_async_function(move |lua, args: MultiValue| Held::new(body(lua, args)))
}

/// A function that yields while its future waits, see [`Context::async_function`].
pub(crate) fn waiting<A, F, R>(
    lua: &Lua,
    cx: &Context,
    body: impl Fn(Lua, A) -> F + 'static,
) -> Result<Function>
where
    A: Arguments,
    F: Future<Output = Result<R>> + 'static,
    R: IntoLuaMulti,
{
    let pending = Rc::clone(&cx.pending);
    make_waiting(
        lua,
        Box::new(move |lua, args| {
            let args = read_all(args, &lua)?;
            Ok((Rc::clone(&pending), boxed(&lua.clone(), body(lua, args))))
        }),
    )
}

/// Like `waiting`, for a method: the environment is that of the object, which `body` finds.
pub fn waiting_method<A, F, R>(
    lua: &Lua,
    body: impl Fn(Lua, A) -> Result<(Rc<Context>, F)> + 'static,
) -> Result<Function>
where
    A: Arguments,
    F: Future<Output = Result<R>> + 'static,
    R: IntoLuaMulti,
{
    make_waiting(
        lua,
        Box::new(move |lua, args| {
            let args = read_all(args, &lua)?;
            let (cx, future) = body(lua.clone(), args)?;
            Ok((Rc::clone(&cx.pending), boxed(&lua, future)))
        }),
    )
}

/// Like `waiting_method`, for one that is called often: `body` gives the future that is held, so that it is there once. (An
/// async block that awaits another future has room for it twice, for where it comes from and for where it is polled.)
pub fn boxed_method<A: Arguments>(
    lua: &Lua,
    body: impl Fn(Lua, A) -> Result<(Rc<Context>, Boxed)> + 'static,
) -> Result<Function> {
    make_waiting(
        lua,
        Box::new(move |lua, args| {
            let args = read_all(args, &lua)?;
            let (cx, future) = body(lua, args)?;
            Ok((Rc::clone(&cx.pending), future))
        }),
    )
}

fn read_all<A: Arguments>(args: MultiValue, lua: &Lua) -> Result<A> {
    A::read(A::Raw::from_lua_multi(args, lua)?, lua)
}

/// The future with its results as Lua's values. It does not keep the state alive while it waits.
fn boxed<R: IntoLuaMulti>(lua: &Lua, future: impl Future<Output = Result<R>> + 'static) -> Boxed {
    let lua = lua.weak();
    Box::pin(async move {
        let results = future.await?;
        match lua.try_upgrade() {
            Some(lua) => results.into_lua_multi(&lua),
            None => Ok(MultiValue::new()),
        }
    })
}

/// A table that is being filled with functions: a module, or the methods of an object.
pub struct Functions<'a> {
    /// The state.
    pub lua: &'a Lua,
    /// Where they go.
    pub table: &'a Table,
}

impl Functions<'_> {
    /// Adds a function, or anything else.
    ///
    /// # Errors
    /// When Lua's memory is full, as with all that follow.
    pub fn set(&self, name: &str, function: Function) -> Result<()> {
        self.table.raw_set(name, function)
    }

    /// Adds one that gives one value.
    ///
    /// # Errors
    /// As with [`Functions::set`].
    pub fn value<A: Arguments, R: IntoLua>(
        &self,
        name: &str,
        body: impl Fn(&Lua, A) -> Result<R> + 'static,
    ) -> Result<()> {
        self.set(name, value(self.lua, body)?)
    }

    /// Adds one that gives nothing.
    ///
    /// # Errors
    /// As with [`Functions::set`].
    pub fn nothing<A: Arguments>(
        &self,
        name: &str,
        body: impl Fn(&Lua, A) -> Result<()> + 'static,
    ) -> Result<()> {
        self.set(name, nothing(self.lua, body)?)
    }

    /// Adds one that gives any number of values.
    ///
    /// # Errors
    /// As with [`Functions::set`].
    pub fn values<A: Arguments, R: IntoLuaMulti>(
        &self,
        name: &str,
        body: impl Fn(&Lua, A) -> Result<R> + 'static,
    ) -> Result<()> {
        self.set(name, values(self.lua, body)?)
    }

    /// Adds one that waits, which also gets the environment.
    ///
    /// # Errors
    /// As with [`Functions::set`].
    pub fn waiting<A, F, R>(
        &self,
        cx: &Rc<Context>,
        name: &str,
        body: impl Fn(Lua, Rc<Context>, A) -> F + 'static,
    ) -> Result<()>
    where
        A: Arguments,
        F: Future<Output = Result<R>> + 'static,
        R: IntoLuaMulti,
    {
        let own = Rc::clone(cx);
        let body = move |lua, args| body(lua, Rc::clone(&own), args);
        self.set(name, waiting(self.lua, cx, body)?)
    }

    /// Adds a method that waits, see [`waiting_method`].
    ///
    /// # Errors
    /// As with [`Functions::set`].
    pub fn waiting_method<A, F, R>(
        &self,
        name: &str,
        body: impl Fn(Lua, A) -> Result<(Rc<Context>, F)> + 'static,
    ) -> Result<()>
    where
        A: Arguments,
        F: Future<Output = Result<R>> + 'static,
        R: IntoLuaMulti,
    {
        self.set(name, waiting_method(self.lua, body)?)
    }

    /// Adds a method that waits, see [`boxed_method`].
    ///
    /// # Errors
    /// As with [`Functions::set`].
    pub fn boxed_method<A: Arguments>(
        &self,
        name: &str,
        body: impl Fn(Lua, A) -> Result<(Rc<Context>, Boxed)> + 'static,
    ) -> Result<()> {
        self.set(name, boxed_method(self.lua, body)?)
    }
}

/// Gives the objects of a Rust type their methods. They take the object as their first argument.
pub fn methods<T, F: UserDataFields<T>>(fields: &mut F, add: Add) {
    meta(fields, "__index", Meta::Methods(add));
}

/// What a field of an object's metatable is.
enum Meta {
    Methods(Add),
    Members(Add, Add),
    Function(fn(&Lua) -> Result<Function>),
}

/// Adds functions to a table.
pub type Add = fn(&Functions<'_>) -> Result<()>;

impl Meta {
    fn make(&self, lua: &Lua) -> Result<Value> {
        match self {
            Meta::Methods(add) => method_table(lua, *add),
            Meta::Members(members, methods) => {
                let tables = (method_table(lua, *members)?, method_table(lua, *methods)?);
                lua.load(MEMBER).set_name("=gshell").call(tables)
            }
            Meta::Function(make) => make(lua).map(Value::Function),
        }
    }
}

/// The one place where mlua makes its glue for metatables of a type.
#[inline(never)]
fn meta<T, F: UserDataFields<T>>(fields: &mut F, name: &'static str, of: Meta) {
    fields.add_meta_field_with(name, move |lua| of.make(lua));
}

fn method_table(lua: &Lua, add: Add) -> Result<Value> {
    let table = lua.create_table()?;
    add(&Functions { lua, table: &table })?;
    Ok(Value::Table(table))
}

/// What `object.name` is of an object with members: what is computed, or a method.
const MEMBER: &str = "\
    local members, methods = ...
    return function(object, name)
        local member = members[name]
        if member then return member(object) end
        return methods[name]
    end";

/// As [`methods`], and `members` of which each access calls a function; mlua would compile its glue for each of them.
pub fn members<T, F: UserDataFields<T>>(fields: &mut F, members: Add, methods: Add) {
    meta(fields, "__index", Meta::Members(members, methods));
}

/// Gives the objects of a Rust type a metamethod.
pub fn metamethod<T, F: UserDataFields<T>>(
    fields: &mut F,
    name: &'static str,
    make: fn(&Lua) -> Result<Function>,
) {
    meta(fields, name, Meta::Function(make));
}
