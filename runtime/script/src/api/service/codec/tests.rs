//! The walk over bytes beside wire's own, over shapes of all kinds and bytes that nobody made.

use gshell_wire::{Shape, Value as Tree};
use mlua::{Lua, Table};

use super::{Plan, Put, read};

const SHAPES: &[&str] = &[
    "bool",
    "{ a: i8, b: u8, c: i16, d: u16 }",
    "{ a: i32, b: u32, c: i64, d: u64 }",
    "{ a: f32, b: f64 }",
    "{ name: string, payload: bytes }",
    "{ nothing: (), maybe: string?, twice: (u8?)?, none: ()? }",
    "{ list: [u8], lists: [[i16]], maybe: [bool?] }",
    "{ pair: (u8, string), one: (u8?, (), bool) }",
    "Off | On(u8) | Both { a: u8, b: u8? } | Many([A | B])",
    "{ state: Off | On, next: (Off | Near | Far(u8, u8))? }",
    "{ deep: { deep: { deep: { deep: [{ a: u8 }] } } } }",
    "{ a: u64? }?",
];
/// Where bytes are not the same again: an option that holds nothing is nothing, and not a number has many faces.
const NOT_THE_SAME: &[&str] = &["f32", ")?"];
const MAPS: &[&str] = &[
    "{ map: map<string, u8> }",
    "{ map: map<u64, bool?> }",
    "{ map: map<f64, string> }",
    "{ map: map<u8?, u8> }",
];

/// Numbers that are the same each time.
struct Numbers(u32);

impl Numbers {
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }

    /// Small ones as a rule, which are lengths and variants; else anything.
    fn bytes(&mut self) -> Vec<u8> {
        let length = self.next() % 40;
        let wild = self.next().is_multiple_of(4);
        let byte = |numbers: &mut Numbers| match wild {
            true => numbers.next().to_be_bytes()[1],
            false => (numbers.next() % 3) as u8,
        };
        (0..length).map(|_| byte(self)).collect()
    }
}

struct Made {
    lua: Lua,
    shape: Shape,
    plan: Plan,
    meta: Table,
}

impl Made {
    fn of(text: &str) -> Made {
        let lua = Lua::new();
        let shape = Shape::parse(text).unwrap_or_else(|flaw| panic!("{text}: {flaw}"));
        shape.check().unwrap();
        Made {
            plan: Plan::new(&lua, &shape).unwrap(),
            meta: lua.create_table().unwrap(),
            shape,
            lua,
        }
    }

    /// What the bytes are when they went through Lua.
    fn through_lua(&self, bytes: &[u8]) -> Result<Vec<u8>, String> {
        let value = read(&self.lua, &self.plan, &self.meta, bytes).map_err(|error| error.to_string())?;
        let mut out = vec![7];
        Put::check(&self.plan, &value, 1 << 20).map_err(|misfit| misfit.to_string())?;
        Put::bytes(&self.plan, &self.meta, &value, 1 << 20, &mut out).unwrap();
        Ok(out[1..].to_vec())
    }
}

#[test]
fn what_wire_reads_is_read_and_written_and_nothing_else() {
    let mut numbers = Numbers(2463534242);
    for text in SHAPES {
        let made = Made::of(text);
        let (mut good, mut bad) = (0, 0);
        for _ in 0..1500 {
            let mut bytes = numbers.bytes();
            let Ok(tree) = Tree::decode(&made.shape, &bytes) else {
                assert!(made.through_lua(&bytes).is_err(), "{text} {bytes:?}");
                bad += 1;
                // One that is too long is often right at its beginning.
                bytes.truncate(bytes.len() / 2);
                let (ours, theirs) = (made.through_lua(&bytes), Tree::decode(&made.shape, &bytes));
                assert_eq!(ours.is_ok(), theirs.is_ok(), "{text} {bytes:?}");
                continue;
            };
            good += 1;
            let mut wanted = Vec::new();
            tree.encode(&made.shape, &mut wanted).unwrap();
            let got = made.through_lua(&bytes).unwrap();
            let same = got == wanted || NOT_THE_SAME.iter().any(|kind| text.contains(kind));
            assert!(same, "{text} {bytes:?}: {got:?}, not {wanted:?}");
        }
        assert!(
            bad > 0 && (good > 0 || text.contains("f32")),
            "{text}: {good} good, {bad} bad"
        );
    }
}

#[test]
fn maps_are_read_unless_lua_cannot_have_their_keys() {
    let mut numbers = Numbers(88172645);
    for text in MAPS {
        let made = Made::of(text);
        let mut good = 0;
        for _ in 0..3000 {
            let bytes = numbers.bytes();
            match (Tree::decode(&made.shape, &bytes), made.through_lua(&bytes)) {
                (Err(_), Ok(_)) => panic!("{text} {bytes:?}"),
                (Ok(_), Err(error)) => {
                    assert!(error.contains("a key that Lua cannot have"), "{text}: {error}")
                }
                (Ok(_), Ok(_)) => good += 1,
                (Err(_), Err(_)) => {}
            }
        }
        assert!(good > 0, "{text}");
    }
    let nan = [&[1][..], &f64::NAN.to_le_bytes(), &[1, b'x']].concat();
    let error = Made::of(MAPS[2]).through_lua(&nan).unwrap_err();
    assert!(error.contains("a key that Lua cannot have"), "{error}");
}

#[test]
fn a_state_that_has_no_memory_left_says_so() {
    let made = Made::of("[[u8]]");
    let mut bytes = Vec::new();
    let list = Tree::List(vec![Tree::List(vec![Tree::Uint(1); 100]); 100]);
    list.encode(&made.shape, &mut bytes).unwrap();
    assert!(made.through_lua(&bytes).is_ok_and(|got| got == bytes));
    made.lua.gc_collect().unwrap();
    let limit = made.lua.used_memory() + 10_000;
    made.lua.set_memory_limit(limit).unwrap();
    let error = made.through_lua(&bytes).map(|_| ()).unwrap_err();
    assert!(error.contains("memory"), "{error}");
    made.lua.set_memory_limit(0).unwrap();
    assert!(made.through_lua(&bytes).is_ok_and(|got| got == bytes));
}
