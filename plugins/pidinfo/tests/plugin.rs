//! What scripts get from the plugin, of the processes of this machine.
#![allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking

use gshell_plugin_pidinfo::PLUGIN;
use gshell_plugin_sdk::testing::{self, Object};
use gshell_plugin_sdk::{Code, Value};

fn reader(options: &[(&str, Value)]) -> Object {
    testing::object(&PLUGIN, "new", &[Value::fields(options.to_vec())]).unwrap()
}

fn rows(value: &Value) -> Vec<&Value> {
    let Value::Table(pairs) = value else {
        panic!("a table expected, got {value:?}");
    };
    pairs.iter().map(|pair| &pair.1).collect()
}

fn integer(row: &Value, name: &str) -> i64 {
    match row.get(name) {
        Some(Value::Integer(value)) => *value,
        other => panic!("{name} is {other:?}"),
    }
}

#[test]
fn this_process_with_its_threads() {
    let reader = reader(&[("pids", Value::list([0])), ("threads", true.into())]);
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || stopped.recv());
    let read = reader.call("read", &[]).unwrap();
    let row = rows(&read[0])[0];
    let me = i64::from(std::process::id());
    assert_eq!((rows(&read[0]).len(), integer(row, "pid")), (1, me));
    assert!(integer(row, "rss") > 0 && integer(row, "vsize") >= integer(row, "rss"));
    assert!(integer(row, "threads") >= 2 && integer(row, "ppid") > 0);
    assert_eq!(row.get("cpu"), Some(&Value::Number(0.0)));
    assert!(matches!(row.get("start"), Some(Value::Number(start)) if *start > 1e9));
    let tasks = rows(row.get("tasks").unwrap());
    assert!(tasks.len() >= 2, "{tasks:?}");
    assert!(tasks.iter().all(|task| integer(task, "pid") == me));
    assert!(tasks.iter().any(|task| integer(task, "tid") == me));
    drop(stop);
    let _ = thread.join();
}

#[test]
fn a_busy_process_has_a_share() {
    let reader = reader(&[("pids", Value::list([0]))]);
    reader.call("read", &[]).unwrap();
    // Until the kernel has counted a tick for it.
    loop {
        std::hint::black_box((0..1_000_000).map(f64::from).sum::<f64>());
        let read = reader.call("read", &[]).unwrap();
        match rows(&read[0])[0].get("cpu") {
            Some(Value::Number(share)) if *share > 0.0 => break,
            Some(Value::Number(share)) => assert_eq!(*share, 0.0),
            other => panic!("{other:?}"),
        }
    }
    let cpus = reader.call("cpus", &[]).unwrap();
    let each = rows(&cpus[0]);
    assert_eq!((each.is_empty(), integer(each[0], "cpu") >= 0), (false, true));
    assert!(matches!(cpus[1].get("busy"), Some(Value::Number(busy)) if (0.0..=100.0).contains(busy)));
}

#[test]
fn processes_in_order() {
    let reader = reader(&[]);
    let all = reader.call("read", &[]).unwrap();
    let pids: Vec<i64> = rows(&all[0]).iter().map(|row| integer(row, "pid")).collect();
    assert!(pids.is_sorted() && pids.contains(&std::process::id().into()));
    assert!(
        rows(&all[0])[0]
            .get("tasks")
            .is_none_or(|tasks| *tasks == Value::Nil)
    );
    let show = Value::fields([("sort", "rss".into()), ("top", 2.into())]);
    let largest = reader.call("read", &[show.into()]).unwrap();
    let sizes: Vec<i64> = rows(&largest[0]).iter().map(|row| integer(row, "rss")).collect();
    assert!(sizes.len() <= 2 && sizes.is_sorted_by(|a, b| a >= b), "{sizes:?}");
}

#[test]
fn command_line_and_memory_of_this_process() {
    let reader = reader(&[]);
    let me = std::process::id();
    let words = reader.call("cmdline", &[i64::from(me).into()]).unwrap();
    let expected: Vec<String> = std::env::args().collect();
    assert_eq!(words[0].as_str(), Some(expected.join(" ").as_str()));
    let pss = reader.call("pss", &[i64::from(me).into()]).unwrap();
    assert!(matches!(pss[0], Value::Integer(bytes) if bytes > 0), "{pss:?}");
    let none = i64::from(i32::MAX);
    assert_eq!(reader.call("cmdline", &[none.into()]).unwrap(), [Value::Nil]);
}

#[test]
fn what_is_misspelt_is_named() {
    let refused = |options: Value| testing::object(&PLUGIN, "new", &[options]).unwrap_err();
    let error = refused(Value::fields([("pid", Value::list([1]))]));
    let expected = "no option is called \"pid\"; there are: pids, threads, filter, path";
    assert_eq!((error.code(), error.text()), (Code::Invalid, expected));
    assert_eq!(refused(Value::list([1])).code(), Code::Invalid);
    assert_eq!(
        refused(Value::fields([("path", "/no/such".into())])).code(),
        Code::NotFound
    );
    let show = Value::fields([("sort", "size".into())]);
    let error = reader(&[]).call("read", &[show.into()]).unwrap_err();
    assert!(
        error.text().starts_with("nothing is sorted by \"size\"; use pid"),
        "{error}"
    );
    let signature = testing::function(&PLUGIN, "new").signature();
    let expected =
        "options: { pids: [integer]?, threads: boolean?, filter: string?, path: string? }? -> Reader";
    assert_eq!(signature, expected);
}
