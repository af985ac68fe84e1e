//! Queries, values, transactions, cursors, bounds and mistakes, by way of the C ABI and by Lua.
#![allow(clippy::unwrap_used)] // a test fails by panicking

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use gshell_plugin_sdk::testing::{self, Object, call};
use gshell_plugin_sdk::{Code, Value};
use gshell_plugin_sqlite::PLUGIN;

/// A database that is gone afterwards.
struct Database {
    object: Object,
    number: Value,
}

fn open(path: &str) -> Database {
    let object = testing::object(&PLUGIN, "open", &[path.into()]).unwrap();
    let number = object.call("number", &[]).unwrap().remove(0);
    Database { object, number }
}

impl Database {
    fn call(&self, name: &str, arguments: &[Value]) -> Result<Vec<Value>, (Code, String)> {
        let mut all = vec![self.number.clone()];
        all.extend_from_slice(arguments);
        call(&PLUGIN, name, &all).map_err(|error| (error.code(), error.text().to_owned()))
    }

    fn exec(&self, sql: &str, parameters: Value) -> (Value, Value) {
        let mut done = self.call("exec", &[sql.into(), parameters]).unwrap();
        (done.remove(0), done.remove(0))
    }

    fn query(&self, sql: &str, parameters: Value) -> Value {
        self.call("query", &[sql.into(), parameters]).unwrap().remove(0)
    }

    /// The only value of the only row.
    fn value(&self, sql: &str) -> Value {
        let rows = self.query(&format!("SELECT ({sql}) AS v"), Value::Nil);
        rows.get(1)
            .and_then(|row| row.get("v"))
            .cloned()
            .unwrap_or_default()
    }

    fn refused(&self, name: &str, arguments: &[Value]) -> (Code, String) {
        self.call(name, arguments).unwrap_err()
    }

    fn made(&self, name: &str, arguments: &[Value]) -> Object {
        let mut all = vec![self.number.clone()];
        all.extend_from_slice(arguments);
        testing::object(&PLUGIN, name, &all).unwrap()
    }
}

/// A path in a folder that is gone afterwards.
struct Place(PathBuf);

impl Place {
    fn new() -> Place {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "gshell-sqlite-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Place(path)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

const NUMBERS: &str =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT i FROM n";
const ENDLESS: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";

#[test]
fn values_come_back() {
    let db = open(":memory:");
    db.exec("CREATE TABLE t(id INTEGER PRIMARY KEY, v)", Value::Nil);
    let blob = Value::fields([("blob", Value::Bytes(vec![0, 255]))]);
    for (given, kind, back) in [
        (i64::MAX.into(), "integer", i64::MAX.into()),
        (i64::MIN.into(), "integer", i64::MIN.into()),
        (0.1.into(), "real", 0.1.into()),
        ("ä\0b".into(), "text", "ä\0b".into()),
        (blob, "blob", Value::Bytes(vec![0, 255])),
        (true.into(), "integer", 1.into()),
    ] {
        let (changes, last) = db.exec("INSERT INTO t(v) VALUES (?)", Value::list([given]));
        assert_eq!(changes, 1.into());
        let rows = db.query(
            "SELECT v, typeof(v) AS kind FROM t WHERE id = :id",
            Value::fields([("id", last)]),
        );
        let row = rows.get(1).unwrap();
        assert_eq!((row.get("v"), row.get("kind")), (Some(&back), Some(&kind.into())));
    }
    let (_, last) = db.exec("INSERT INTO t(v) VALUES (?)", Value::list([Value::Nil]));
    let rows = db.query("SELECT id, v FROM t WHERE v IS NULL", Value::Nil);
    assert_eq!(
        rows,
        Value::list([Value::fields([("id", last)])]),
        "NULL is a field that is missing"
    );
}

#[test]
fn parameters_have_numbers_or_names() {
    let db = open(":memory:");
    let value = |sql: &str, parameters: Value| {
        db.query(sql, parameters)
            .get(1)
            .and_then(|row| row.get("v"))
            .cloned()
    };
    let pairs = |pairs: &[(i64, i64)]| {
        Value::Table(
            pairs
                .iter()
                .map(|(k, v)| (Value::Integer(*k), Value::Integer(*v)))
                .collect(),
        )
    };
    assert_eq!(
        value("SELECT ?1 * 10 + ?2 AS v", Value::list([4, 2])),
        Some(42.into())
    );
    assert_eq!(
        value("SELECT ifnull(?, 9) * 10 + ? AS v", pairs(&[(2, 1)])),
        Some(91.into()),
        "nil in a list"
    );
    let named = Value::fields([("a", 1.into()), ("b", 2.into()), ("$c", 3.into())]);
    assert_eq!(
        value("SELECT :a * 100 + @b * 10 + $c AS v", named),
        Some(123.into())
    );
    let refused = |sql: &str, parameters: Value| db.refused("query", &[sql.into(), parameters]).1;
    assert_eq!(
        refused("SELECT ?", Value::list([1, 2])),
        "there is no parameter 2, the SQL has 1"
    );
    assert_eq!(
        refused("SELECT :a", Value::fields([("b", 1.into())])),
        "no parameter is called \"b\""
    );
    assert!(
        refused("SELECT ?", Value::list([Value::Bytes(vec![255])]))
            .starts_with("parameter 1: a string that is not UTF-8")
    );
    assert_eq!(
        refused("SELECT ?", Value::list([Value::list([1])])),
        "parameter 1: a table is no value of SQL"
    );
    assert_eq!(
        refused("SELECT ?", 1.into()),
        "parameters are a table: a list, or values by name"
    );
    assert!(refused("SELECT ?", pairs(&[(0, 1)])).contains("a number from 1"));
}

#[test]
fn changes_are_counted() {
    let db = open(":memory:");
    let (changes, last) = db.exec(
        "CREATE TABLE t(v); INSERT INTO t VALUES (1), (2); INSERT INTO t VALUES (3);",
        Value::Nil,
    );
    assert_eq!((changes, last), (3.into(), 3.into()));
    assert_eq!(
        db.exec("UPDATE t SET v = v + ? WHERE v > 1", Value::list([1])).0,
        2.into()
    );
    assert_eq!(db.exec("CREATE TABLE u(v)", Value::Nil).0, 0.into());
    assert_eq!(
        db.exec("SELECT * FROM t WHERE v > ?", Value::list([0])).0,
        0.into()
    );
    let rows = db.query("INSERT INTO t VALUES (7) RETURNING v", Value::Nil);
    assert_eq!(rows.get(1).and_then(|row| row.get("v")), Some(&7.into()));
}

#[test]
fn mistakes_are_named() {
    let db = open(":memory:");
    db.exec("CREATE TABLE t(id INTEGER PRIMARY KEY, v NOT NULL)", Value::Nil);
    let exec = |sql: &str| db.refused("exec", &[sql.into(), Value::Nil]);
    let (code, text) = exec("SELEKT 1");
    assert_eq!(
        (code, text.as_str()),
        (
            Code::Invalid,
            ":memory:: near \"SELEKT\": syntax error (at character 1 of the SQL)"
        )
    );
    exec("INSERT INTO t VALUES (1, NULL)");
    db.exec("INSERT INTO t VALUES (1, 1)", Value::Nil);
    assert_eq!(exec("INSERT INTO t VALUES (1, 2)").0, Code::Exists);
    assert_eq!(exec("INSERT INTO t VALUES (2, NULL)").0, Code::Invalid);
    let (_, text) = db.refused("query", &["SELECT 1; SELECT 2".into(), Value::Nil]);
    assert!(text.contains("several statements at once"), "{text}");
    // A word in double quotes is a name, and deep expressions are refused instead of using up the stack.
    assert_eq!(
        db.refused("query", &["SELECT \"v\"".into(), Value::Nil]).0,
        Code::Invalid
    );
    let deep = format!("SELECT {}1{}", "(1+".repeat(190), ")".repeat(190));
    assert_eq!(
        db.call("query", &[deep.as_str().into(), Value::Nil])
            .unwrap()
            .len(),
        1
    );
    let deep = format!("SELECT {}1", "1+".repeat(5000));
    assert!(
        db.refused("query", &[deep.as_str().into(), Value::Nil])
            .1
            .contains("depth")
    );
    assert!(
        db.refused("query", &["SELECT load_extension('x')".into(), Value::Nil])
            .1
            .contains("no such function")
    );
}

#[test]
fn results_are_bounded() {
    let db = open(":memory:");
    let rows = db.query(NUMBERS, Value::Nil);
    assert_eq!(rows.get(1000).and_then(|row| row.get("i")), Some(&1000.into()));
    let (code, text) = db.refused("query", &[NUMBERS.into(), Value::Nil, 999.into()]);
    assert!(
        code == Code::Limit && text.contains("more than 999 rows"),
        "{text}"
    );
    assert_eq!(db.refused("query", &[ENDLESS.into(), Value::Nil]).0, Code::Limit);
    let large = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20) SELECT hex(zeroblob(500000)) FROM n";
    let (code, text) = db.refused("query", &[large.into(), Value::Nil]);
    assert!(code == Code::Limit && text.contains("16777216 bytes"), "{text}");
    assert_eq!(
        db.refused("query", &["SELECT zeroblob(20000000)".into(), Value::Nil])
            .0,
        Code::Limit
    );
    assert_eq!(db.value("1"), 1.into(), "it goes on");
}

#[test]
fn cursors_give_a_few_at_a_time() {
    let db = open(":memory:");
    let cursor = db.made("rows", &[ENDLESS.into(), Value::Nil]);
    let next = |count: i64| cursor.call("next", &[Value::from(count).into()]);
    assert_eq!(
        next(2).unwrap()[0].get(2).and_then(|row| row.get("i")),
        Some(&2.into())
    );
    // Others go on meanwhile, and many rows are cut into several lots.
    assert_eq!(db.value("1 + 1"), 2.into());
    let Value::Table(lot) = next(1_000_000).unwrap().remove(0) else {
        unreachable!("rows are a list");
    };
    assert!((100..10_000).contains(&lot.len()), "{}", lot.len());
    cursor.call("close", &[]).unwrap();
    assert_eq!(next(1).unwrap_err().text(), "the iterator has ended");
    let cursor = db.made("rows", &["SELECT ? AS v".into(), Value::list([5])]);
    assert_eq!(
        cursor.call("next", &[Value::from(9).into()]).unwrap()[0]
            .get(1)
            .and_then(|row| row.get("v")),
        Some(&5.into())
    );
    assert_eq!(
        cursor.call("next", &[Value::from(9).into()]).unwrap()[0].get(1),
        None
    );
}

#[test]
fn too_many_cursors_are_refused_and_dropped_ones_are_gone() {
    let db = open(":memory:");
    let cursor = || testing::object(&PLUGIN, "rows", &[db.number.clone(), "SELECT 1".into()]);
    let many: Vec<Object> = (0..256).map(|_| cursor().unwrap()).collect();
    let error = cursor().err().unwrap();
    assert!(
        error.code() == Code::Limit && error.text().contains("256 prepared"),
        "{error}"
    );
    drop(many);
    cursor().unwrap();
}

#[test]
fn statements_are_prepared_once() {
    let db = open(":memory:");
    db.exec("CREATE TABLE t(v)", Value::Nil);
    let insert = db.made("prepare", &["INSERT INTO t VALUES (?)".into()]);
    let number = insert.call("number", &[]).unwrap().remove(0);
    for value in 0..5 {
        db.call("exec", &[number.clone(), Value::list([value])]).unwrap();
    }
    // What was bound before does not stay.
    db.call("exec", &[number.clone(), Value::Nil]).unwrap();
    assert_eq!(db.value("SELECT sum(v) * 10 + sum(v IS NULL) FROM t"), 101.into());
    insert.call("close", &[]).unwrap();
    assert_eq!(
        db.refused("exec", &[number, Value::Nil]).1,
        "the statement has ended"
    );
}

#[test]
fn files_are_opened_as_told() {
    let place = Place::new();
    let path = place.file("a.db");
    let options =
        |fields: &[(&'static str, Value)]| [path.as_str().into(), Value::fields(fields.iter().cloned())];
    let refused = |arguments: &[Value]| {
        let error = testing::object(&PLUGIN, "open", arguments).err().unwrap();
        (error.code(), error.text().to_owned())
    };
    let (code, text) = refused(&options(&[("create", false.into())]));
    assert!(code == Code::NotFound && text.contains("a.db"), "{text}");
    let db = open(&path);
    db.exec(
        "PRAGMA journal_mode = WAL; CREATE TABLE t(v); INSERT INTO t VALUES (1)",
        Value::Nil,
    );
    assert!(std::fs::exists(place.file("a.db-wal")).unwrap());
    let reader = testing::object(&PLUGIN, "open", &options(&[("readonly", true.into())])).unwrap();
    let reader = Database {
        number: reader.call("number", &[]).unwrap().remove(0),
        object: reader,
    };
    assert_eq!(reader.value("SELECT v FROM t"), 1.into());
    assert_eq!(
        reader.refused("exec", &["DELETE FROM t".into(), Value::Nil]).0,
        Code::Denied
    );
    assert_eq!(
        call(&PLUGIN, "close", std::slice::from_ref(&reader.number)).unwrap(),
        [true.into()]
    );
    assert_eq!(
        reader.refused("query", &["SELECT 1".into(), Value::Nil]),
        (Code::State, "the database is closed".to_owned())
    );
    drop(reader.object);
    assert_eq!(
        call(&PLUGIN, "close", std::slice::from_ref(&db.number)).unwrap(),
        [true.into()]
    );
    assert!(
        !std::fs::exists(place.file("a.db-wal")).unwrap(),
        "it is closed when close returns"
    );
    assert_eq!(
        call(&PLUGIN, "close", std::slice::from_ref(&db.number)).unwrap(),
        [false.into()]
    );
    std::fs::write(place.file("b.db"), vec![b'x'; 5000]).unwrap();
    assert_eq!(refused(&[place.file("b.db").as_str().into()]).0, Code::Storage);
    assert!(
        refused(&options(&[("timeout", (-1.0).into())]))
            .1
            .contains("a timeout is from 0")
    );
}

#[test]
fn a_connection_that_is_dropped_is_closed() {
    let db = open(":memory:");
    let number = db.number.clone();
    drop(db.object);
    let error = call(&PLUGIN, "query", &[number, "SELECT 1".into(), Value::Nil]).unwrap_err();
    assert_eq!(error.text(), "the database is closed");
}

#[test]
fn writers_wait_for_each_other_as_long_as_told() {
    let place = Place::new();
    let path = place.file("a.db");
    let db = open(&path);
    db.exec("CREATE TABLE t(v); BEGIN IMMEDIATE", Value::Nil);
    let options = Value::fields([("timeout", 0.into())]);
    let object = testing::object(&PLUGIN, "open", &[path.as_str().into(), options]).unwrap();
    let other = Database {
        number: object.call("number", &[]).unwrap().remove(0),
        object,
    };
    let (code, text) = other.refused("exec", &["INSERT INTO t VALUES (1)".into(), Value::Nil]);
    assert!(
        code == Code::Busy && text.contains("a.db: database is locked"),
        "{text}"
    );
    db.exec("COMMIT", Value::Nil);
    assert_eq!(other.exec("INSERT INTO t VALUES (1)", Value::Nil).0, 1.into());
    drop(other.object);
}

#[test]
fn lua_has_transactions_and_iterators() {
    gshell_plugin_trial::run(
        &PLUGIN,
        r#"
        local sqlite = require "sqlite"
        local db <close> = sqlite.open ":memory:"
        db:exec "CREATE TABLE t(v)"
        local a, b = db:transaction(function(db)
          for i = 1, 1000 do db:exec("INSERT INTO t VALUES (?)", { i }) end
          return 1, nil
        end)
        assert(a == 1 and b == nil)
        local ok, problem = pcall(db.transaction, db, function(db)
          db:exec "DELETE FROM t"
          error { mine = true }
        end)
        assert(not ok and problem.mine, "the error is the one that was raised")
        assert(db:row("SELECT count(*) AS n FROM t").n == 1000, "nothing was deleted")

        local sum = 0
        for row in db:rows "SELECT v FROM t ORDER BY v" do sum = sum + row.v end
        assert(sum == 500500)
        for row in db:rows "SELECT v FROM t" do if row.v == 70 then break end end
        local next_row = db:rows("SELECT v FROM t WHERE v > ?", { 998 })
        assert(next_row().v == 999 and next_row().v == 1000 and next_row() == nil and next_row() == nil)
        assert(db:row "SELECT 1 AS one WHERE 0" == nil)

        local select <close> = db:prepare "SELECT v FROM t WHERE v <= :most ORDER BY v DESC"
        assert(select:row({ most = 3 }).v == 3 and #select:query { most = 5 } == 5)
        for row in select:rows { most = 2 } do assert(row.v <= select:row({ most = 9 }).v) end
        assert(select:query({ most = 2 }, { limit = 2 })[2].v == 1)
        assert(select:exec { most = 1 } == 0)
        assert(tostring(db) == "sqlite :memory:")
        "#,
    );
    let (_, text) = gshell_plugin_trial::error(&PLUGIN, "require 'sqlite'.open('x', { read_only = true })");
    assert!(text.contains("no option is called read_only"), "{text}");
    let nested =
        "local db = require 'sqlite'.open ':memory:' db:transaction(function() db:transaction(print) end)";
    assert!(
        gshell_plugin_trial::error(&PLUGIN, nested)
            .1
            .contains("within a transaction")
    );
}

/// What never ends by itself ends when nobody waits, and the connection goes on.
#[test]
fn queries_are_cancelled() {
    gshell_plugin_trial::run(
        &PLUGIN,
        r#"
        local endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT "
        local db <close> = require "sqlite".open ":memory:"
        local open = db:rows(endless .. "i FROM n")
        assert(open().i == 1)
        for _, method in ipairs { "query", "exec", "row" } do
          ABANDON = true
          local ok, problem = pcall(db[method], db, endless .. "count(*) FROM n")
          ABANDON = false
          assert(not ok and problem.code == 15, problem)
          assert(db:row("SELECT 1 AS one").one == 1)
        end
        for _ = 1, 63 do open() end
        local ok, problem = pcall(open)
        assert(not ok and problem.message:find "the iterator has ended", problem)
        "#,
    );
}

#[test]
fn the_page_is_true() {
    gshell_plugin_trial::page(&PLUGIN, include_str!("../../../docs/plugins/sqlite.md"));
}
