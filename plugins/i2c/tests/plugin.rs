//! What scripts get from the plugin: on a bus of the kernel's module `i2c-stub` where that is loaded, as by
//! `modprobe i2c-stub chip_addr=0x1c`, and what is said where there is none.
#![allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking

use std::fs;
use std::sync::{Mutex, MutexGuard};

use gshell_plugin_i2c::PLUGIN;
use gshell_plugin_sdk::testing::{self, Object};
use gshell_plugin_sdk::{Code, Error, Value};

/// The address that the stub is to have.
const CHIP: i64 = 0x1c;

/// The stub has one chip: tests use it one after the other.
static ALONE: Mutex<()> = Mutex::new(());

fn open(bus: impl Into<Value>) -> Result<Object, Error> {
    testing::object(&PLUGIN, "open", &[bus.into()])
}

fn get(object: &Object, method: &str, arguments: &[Value]) -> Result<Value, Error> {
    let given: Vec<_> = arguments.iter().cloned().map(Into::into).collect();
    object
        .call(method, &given)
        .map(|mut results| match results.len() {
            0 => Value::Nil,
            _ => results.remove(0),
        })
}

/// The bus of the stub; none where it is not loaded.
fn stub() -> Option<(Object, MutexGuard<'static, ()>)> {
    let buses = fs::read_dir("/sys/bus/i2c/devices")
        .into_iter()
        .flatten()
        .flatten();
    let stub = buses.map(|bus| bus.path()).find(|path| {
        let name = fs::read_to_string(path.join("name")).unwrap_or_default();
        name.starts_with("SMBus stub")
    });
    let Some(stub) = stub else {
        eprintln!("the module i2c-stub is not loaded: nothing is tried on its bus");
        return None;
    };
    let guard = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    Some((open(stub.file_name().unwrap().to_str().unwrap()).unwrap(), guard))
}

#[test]
fn what_is_no_bus() {
    let error = open(4711).unwrap_err();
    assert_eq!(error.code(), Code::NotFound);
    assert!(
        error
            .text()
            .starts_with("/dev/i2c-4711: there is no such bus; i2c.buses() lists"),
        "{error}"
    );
    assert_eq!(open("i2c-4711").unwrap_err(), error);
    // A file, a folder, and devices of others. Tests run in the folder of their crate.
    for path in ["./Cargo.toml", "/dev/", "/dev/null", "/dev/zero"] {
        let error = open(path).unwrap_err();
        let expected = format!("{path}: this is no I2C bus; those are called /dev/i2c-0 and so on");
        assert_eq!((error.code(), error.text()), (Code::Invalid, expected.as_str()));
    }
    assert_eq!(
        open(true).unwrap_err().text(),
        "a bus is a number, a name or a path"
    );
}

#[test]
fn buses_are_listed() {
    let buses = testing::call(&PLUGIN, "buses", &[]).unwrap().remove(0);
    let Value::Table(buses) = buses else {
        panic!("{buses:?}");
    };
    for (_, bus) in buses {
        let path = bus.get("path").and_then(Value::as_str).unwrap();
        assert!(path.starts_with("/dev/i2c-"), "{bus:?}");
    }
}

#[test]
fn functions_say_what_they_take_and_give() {
    let open = testing::function(&PLUGIN, "open");
    assert_eq!((open.signature(), open.is_blocking()), ("bus: any -> Bus", false));
}

#[test]
fn registers_keep_what_is_written() {
    let Some((bus, _alone)) = stub() else {
        return;
    };
    get(&bus, "write_byte", &[CHIP.into(), 5.into(), 0xab.into()]).unwrap();
    assert_eq!(
        get(&bus, "read_byte", &[CHIP.into(), 5.into()]).unwrap(),
        0xab.into()
    );
    get(&bus, "send_byte", &[CHIP.into(), 5.into()]).unwrap();
    assert_eq!(get(&bus, "receive_byte", &[CHIP.into()]).unwrap(), 0xab.into());
    get(&bus, "write_word", &[CHIP.into(), 0x10.into(), 0x1234.into()]).unwrap();
    assert_eq!(
        get(&bus, "read_word", &[CHIP.into(), 0x10.into()]).unwrap(),
        0x1234.into()
    );
    get(&bus, "write_registers", &[CHIP.into(), 0x20.into(), "abc".into()]).unwrap();
    let read = get(&bus, "read_registers", &[CHIP.into(), 0x20.into(), 3.into()]).unwrap();
    assert_eq!(read, "abc".into());
}

#[test]
fn who_answers_and_who_does_not() {
    let Some((bus, _alone)) = stub() else {
        return;
    };
    let found = bus.call("scan", &[]).unwrap();
    assert_eq!(found, [Value::list([CHIP]), Value::list([0; 0])]);
    let error = bus
        .method("scan")
        .unwrap()
        .call_cancelled(&[(&bus).into()])
        .unwrap_err();
    assert_eq!(error.code(), Code::Cancelled);
    let error = get(&bus, "read_byte", &[0x1d.into(), 0.into()]).unwrap_err();
    assert_eq!(error.code(), Code::NotFound, "{error}");
    // The stub does only SMBus.
    let error = get(&bus, "write_read", &[CHIP.into(), "a".into(), 2.into()]).unwrap_err();
    assert!(error.text().contains("only for SMBus"), "{error}");
}

#[test]
fn what_is_wrong_is_said_before_the_bus_is_asked() {
    let Some((bus, _alone)) = stub() else {
        return;
    };
    for address in [0, 2, 0x78, 0x3ff] {
        let error = get(&bus, "read_byte", &[address.into(), 0.into()]).unwrap_err();
        assert_eq!(error.code(), Code::Invalid);
        assert!(
            error
                .text()
                .starts_with("devices have addresses from 0x03 to 0x77, not 0x"),
            "{error}"
        );
    }
    for (method, arguments) in [
        ("read", vec![CHIP.into(), 0.into()]),
        ("read", vec![CHIP.into(), 8193.into()]),
        ("write", vec![CHIP.into(), "".into()]),
        ("read_registers", vec![CHIP.into(), 0.into(), 33.into()]),
        ("write_block", vec![CHIP.into(), 0.into(), "".into()]),
    ] {
        assert_eq!(
            get(&bus, method, &arguments).unwrap_err().code(),
            Code::Limit,
            "{method}"
        );
    }
    get(&bus, "close", &[]).unwrap();
    let error = get(&bus, "read", &[CHIP.into(), 1.into()]).unwrap_err();
    assert_eq!((error.code(), error.text()), (Code::State, "the bus is closed"));
}
