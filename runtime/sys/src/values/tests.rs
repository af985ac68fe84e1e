//! Tests of making and looking at values.

use mlua::{Lua, Table, Value};

use super::{Kind, Look, Step, build, look, metatable};

fn names(lua: &Lua) -> Table {
    lua.create_sequence_from(["a", "b"]).unwrap()
}

fn made(lua: &Lua, steps: &[Step<'_>]) -> mlua::Result<Value> {
    let mut steps = steps.iter().copied();
    build(lua, &names(lua), &lua.create_table()?, &mut || steps.next())
}

fn table(list: u32, named: u32) -> Step<'static> {
    Step::Table { list, named }
}

#[test]
fn a_value_is_what_its_steps_say() {
    let lua = Lua::new();
    let steps = [
        table(0, 2),
        Step::Name(1),
        table(2, 0),
        Step::Int(7),
        Step::Index(1),
        Step::Null,
        Step::Index(2),
        Step::Entry,
        Step::Name(2),
        Step::Digits(u64::MAX),
        Step::Entry,
        Step::Text(b"\xff\0"),
        Step::Number(0.5),
        Step::Entry,
    ];
    lua.globals().set("it", made(&lua, &steps).unwrap()).unwrap();
    lua.globals().set("null", Value::NULL).unwrap();
    let checks = "
        assert(#it.a == 2 and it.a[1] == 7 and it.a[2] == null)
        assert(it.b == '18446744073709551615' and it['\\xff\\0'] == 0.5)
        assert(getmetatable(it) and not getmetatable(it.a))";
    lua.load(checks).exec().unwrap();
}

#[test]
fn no_steps_are_nil_and_digits_are_those_of_the_number() {
    let lua = Lua::new();
    assert_eq!(made(&lua, &[]).unwrap(), Value::Nil);
    for number in [0, 9, 10, 1234567890123456789] {
        let text = made(&lua, &[Step::Digits(number)]).unwrap();
        assert_eq!(text.to_string().unwrap(), number.to_string());
    }
}

#[test]
fn steps_that_do_not_fit_are_an_error_and_the_state_goes_on() {
    let lua = Lua::new();
    let wrong: [&[Step<'_>]; 6] = [
        &[Step::Entry],
        &[Step::Index(1)],
        &[Step::Int(1), Step::Index(1)],
        &[Step::Bool(true), Step::Int(1), Step::Entry],
        &[Step::Int(1), Step::Int(2), Step::Entry],
        &[table(0, 1), Step::Number(f64::NAN), Step::Int(1), Step::Entry],
    ];
    for steps in wrong {
        assert!(made(&lua, steps).is_err(), "{steps:?}");
    }
    assert_eq!(made(&lua, &[Step::Int(3)]).unwrap(), Value::Integer(3));
}

#[test]
fn a_full_memory_is_an_error() {
    let lua = Lua::new();
    let names = names(&lua);
    let meta = lua.create_table().unwrap();
    lua.set_memory_limit(lua.used_memory() + 100_000).unwrap();
    let mut left = 100_000;
    let error = build(&lua, &names, &meta, &mut || {
        left -= 1;
        (left > 0).then_some(table(8, 8))
    });
    let error = error.unwrap_err();
    assert!(matches!(error, mlua::Error::MemoryError(_)), "{error:?}");
    assert!(left > 0);
}

/// All of it as text, keys in order.
fn shown(look: &mut Look) -> String {
    match look.kind() {
        Kind::Table => {}
        other => return format!("{other:?}"),
    }
    let mut parts = Vec::new();
    let seen = look.each(|look| {
        let key = look.key(|key| format!("{:?}", key.kind())).unwrap();
        parts.push(format!("{key}={}", shown(look)));
        Ok::<(), ()>(())
    });
    assert_eq!(seen, Some(Ok(())));
    parts.sort();
    format!("{{{}}}", parts.join(" "))
}

#[test]
fn a_value_is_seen_as_it_is() {
    let lua = Lua::new();
    lua.globals().set("null", Value::NULL).unwrap();
    let code = "return { a = { 1, 2.5, null }, b = 'x', [true] = print, [7] = coroutine.create(print) }";
    let value: Value = lua.load(code).eval().unwrap();
    let names = names(&lua);
    let text = look(&lua, &names, &value, shown).unwrap();
    let wanted = "{Bool(true)=Other(\"function\") Int(7)=Other(\"thread\") Text([97])={Int(1)=Int(1) Int(2)=Number(2.5) \
                  Int(3)=Null} Text([98])=Text([120])}";
    assert_eq!(text, wanted);
    look(&lua, &names, &value, |look| {
        assert_eq!(
            (look.len(), look.count(3), look.count(9), look.is_empty()),
            (0, 3, 4, false)
        );
        assert_eq!(look.field(1, |look| look.len()), Some(3));
        assert_eq!(
            look.field(1, |look| look.entry(2, |look| look.kind() == Kind::Number(2.5))),
            Some(Some(true))
        );
        assert_eq!(look.field(2, |look| look.kind() == Kind::Text(b"x")), Some(true));
        // A string has no fields, nor has a name that is not there one.
        assert_eq!(
            look.field(2, |look| look.field(1, |it| it.kind() == Kind::Nil)),
            Some(Some(true))
        );
        assert_eq!(look.field(3, |look| look.kind() == Kind::Nil), Some(true));
        let stopped = look.each(|_| Err("enough"));
        assert_eq!(stopped, Some(Err("enough")));
        // The stack is as before.
        assert_eq!(look.kind(), Kind::Table);
    })
    .unwrap();
}

#[test]
fn what_is_no_table_is_seen_too() {
    let lua = Lua::new();
    let names = names(&lua);
    let seen = |value: Value| look(&lua, &names, &value, |look| format!("{:?}", look.kind())).unwrap();
    assert_eq!(seen(Value::Nil), "Nil");
    assert_eq!(seen(Value::NULL), "Null");
    assert_eq!(seen(Value::Integer(i64::MIN)), format!("Int({})", i64::MIN));
    let error = Value::Error(Box::new(mlua::Error::runtime("no")));
    assert_eq!(seen(error), "Other(\"lightuserdata\")");
    let object = lua.create_any_userdata(1u8).unwrap();
    assert_eq!(seen(Value::UserData(object)), "Other(\"userdata\")");
}

#[test]
fn a_look_may_be_deeper_than_a_function_has_room_for() {
    let lua = Lua::new();
    let code = "local t = {} for _ = 1, 1000 do t = { t } end return t";
    let value: Value = lua.load(code).eval().unwrap();
    fn down(look: &mut Look) -> u32 {
        match look.len() {
            0 => 0,
            _ => look.entry(1, down).unwrap() + 1,
        }
    }
    assert_eq!(look(&lua, &names(&lua), &value, down).unwrap(), 1000);
    let steps = [table(1, 0)].into_iter().cycle().take(1000);
    let mut steps = steps.chain([Step::Index(1)].into_iter().cycle().take(999));
    let meta = lua.create_table().unwrap();
    let value = build(&lua, &names(&lua), &meta, &mut || steps.next()).unwrap();
    assert_eq!(look(&lua, &names(&lua), &value, down).unwrap(), 999);
}

#[test]
fn metatables_are_known_by_where_they_are() {
    let lua = Lua::new();
    let meta = lua.create_table().unwrap();
    let table = lua.create_table().unwrap();
    assert_eq!(metatable(&lua, &Value::Table(table.clone())), None);
    table.set_metatable(Some(meta.clone())).unwrap();
    let value = Value::Table(table);
    let address = Some(meta.to_pointer().addr());
    assert_eq!(metatable(&lua, &value), address);
    assert_eq!(
        look(&lua, &names(&lua), &value, |look| look.metatable()).unwrap(),
        address
    );
    assert_eq!(metatable(&lua, &Value::Integer(1)), None);
}
