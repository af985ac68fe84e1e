//! The plugin on pseudo-terminals: the test is the device at the other end.
#![allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::thread;

use gshell_plugin_sdk::testing::{self, Object};
use gshell_plugin_sdk::{Code, Error, Value};
use gshell_plugin_serial::PLUGIN;
use nix::fcntl::OFlag;
use nix::pty::{grantpt, posix_openpt, ptsname_r, unlockpt};

/// The other end, and the path of the port.
fn terminal() -> (File, String) {
    let master = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let path = ptsname_r(&master).unwrap();
    let fd: OwnedFd = master.as_fd().try_clone_to_owned().unwrap();
    (File::from(fd), path)
}

fn open(path: &str, options: &[(&str, Value)]) -> Result<Object, Error> {
    testing::object(&PLUGIN, "open", &[path.into(), Value::fields(options.to_vec())])
}

fn pair() -> (File, Object) {
    let (device, path) = terminal();
    let port = open(&path, &[]).unwrap();
    (device, port)
}

/// The one result of a method.
fn get(port: &Object, method: &str, arguments: &[Value]) -> Result<Value, Error> {
    let given: Vec<_> = arguments.iter().cloned().map(Into::into).collect();
    port.call(method, &given).map(|mut results| match results.len() {
        0 => Value::Nil,
        _ => results.remove(0),
    })
}

fn within(seconds: f64) -> Value {
    Value::fields([("timeout", seconds.into())])
}

#[test]
fn both_directions_carry_all_bytes() {
    let (mut device, port) = pair();
    let all: Vec<u8> = (0..=255).collect();
    device.write_all(&all).unwrap();
    let amount = Value::fields([("min", 256.into()), ("max", 256.into())]);
    assert_eq!(get(&port, "read", &[amount]).unwrap(), all.as_slice().into());
    get(&port, "write", &[all.as_slice().into()]).unwrap();
    get(&port, "drain", &[]).unwrap();
    let mut come = [0; 256];
    device.read_exact(&mut come).unwrap();
    assert_eq!(come, all.as_slice());
}

#[test]
fn reading_waits_for_as_much_as_is_wanted() {
    let (mut device, port) = pair();
    let later = thread::spawn(move || {
        for part in ["ab", "cd", "efgh"] {
            device.write_all(part.as_bytes()).unwrap();
            thread::yield_now();
        }
        device
    });
    let amount = Value::fields([("min", 8.into())]);
    assert_eq!(get(&port, "read", &[amount]).unwrap(), "abcdefgh".into());
    let _device = later.join().unwrap();
    assert_eq!(get(&port, "read", &[within(0.0)]).unwrap(), "".into());
    assert_eq!(get(&port, "read", &[within(0.03)]).unwrap(), "".into());
}

#[test]
fn what_came_in_time_is_given() {
    let (mut device, port) = pair();
    device.write_all(b"abc").unwrap();
    let amount = Value::fields([("min", 5.into()), ("timeout", 0.3.into())]);
    assert_eq!(get(&port, "read", &[amount]).unwrap(), "abc".into());
    device.write_all(b"defg").unwrap();
    let amount = Value::fields([("min", 4.into()), ("max", 4.into())]);
    assert_eq!(get(&port, "read", &[amount]).unwrap(), "defg".into());
}

#[test]
fn lines_come_one_by_one() {
    let (mut device, port) = pair();
    device.write_all(b"one\n\ntwo\nthr").unwrap();
    for line in ["one", "", "two"] {
        assert_eq!(get(&port, "read_until", &[]).unwrap(), line.into());
    }
    // The rest stays until there is more.
    assert_eq!(
        get(&port, "read_until", &["\n".into(), within(0.2)]).unwrap(),
        Value::Nil
    );
    device.write_all(b"ee\r\nfour\r\n").unwrap();
    assert_eq!(
        get(&port, "read_until", &["\r\n".into()]).unwrap(),
        "three".into()
    );
    assert_eq!(get(&port, "read_until", &["\r\n".into()]).unwrap(), "four".into());
    // A part of the delimiter comes first.
    device.write_all(b"five\r").unwrap();
    assert_eq!(
        get(&port, "read_until", &["\r\n".into(), within(0.2)]).unwrap(),
        Value::Nil
    );
    device.write_all(b"\n").unwrap();
    assert_eq!(get(&port, "read_until", &["\r\n".into()]).unwrap(), "five".into());
}

#[test]
fn a_line_has_an_end() {
    let (mut device, port) = pair();
    device.write_all(b"0123456789").unwrap();
    let bounds = Value::fields([("max", 4.into())]);
    let error = get(&port, "read_until", &["\n".into(), bounds.clone()]).unwrap_err();
    assert_eq!(error.code(), Code::Limit);
    assert!(
        error.text().ends_with("more than 4; read() takes them"),
        "{error}"
    );
    let amount = Value::fields([("min", 10.into())]);
    assert_eq!(get(&port, "read", &[amount]).unwrap(), "0123456789".into());
    device.write_all(b"0123456789\n").unwrap();
    let error = get(&port, "read_until", &["9\n".into(), bounds]).unwrap_err();
    assert_eq!(error.code(), Code::Limit);
    let error = get(&port, "read_until", &["".into()]).unwrap_err();
    assert_eq!(error.text(), "a delimiter has at least one byte");
}

#[test]
fn writing_more_than_fits_waits_for_the_other_side() {
    let (mut device, port) = pair();
    let much = vec![b'x'; 1 << 20];
    let error = get(&port, "write", &[much.as_slice().into(), 0.1.into()]).unwrap_err();
    assert_eq!(error.code(), Code::Timeout);
    assert!(
        error
            .text()
            .contains(" of 1048576 bytes written; does flow control"),
        "{error}"
    );
    get(&port, "discard", &["output".into()]).unwrap();
    let reading = thread::spawn(move || {
        let (mut chunk, mut ends) = ([0; 65_536], 0);
        while ends == 0 {
            let len = device.read(&mut chunk).unwrap();
            ends += chunk[..len].iter().filter(|byte| **byte == b'e').count();
        }
        device
    });
    get(
        &port,
        "write",
        &[[much.as_slice(), b"e"].concat().as_slice().into()],
    )
    .unwrap();
    let _device = reading.join().unwrap();
}

#[test]
fn a_hang_up_is_an_error_after_the_last_byte() {
    let (mut device, port) = pair();
    device.write_all(b"last").unwrap();
    let amount = Value::fields([("min", 4.into()), ("max", 2.into())]);
    assert_eq!(get(&port, "read", &[amount]).unwrap_err().code(), Code::Invalid);
    let amount = Value::fields([("min", 2.into()), ("max", 2.into())]);
    assert_eq!(get(&port, "read", &[amount]).unwrap(), "la".into());
    drop(device);
    assert_eq!(
        get(&port, "read", &[Value::fields([("min", 9.into())])]).unwrap(),
        "st".into()
    );
    for call in [
        ("read", vec![]),
        ("read_until", vec![]),
        ("write", vec!["x".into()]),
    ] {
        let error = get(&port, call.0, &call.1).unwrap_err();
        assert_eq!(error.code(), Code::Unreachable, "{}", call.0);
        assert!(
            error.text().contains(": hung up: the other side is gone"),
            "{error}"
        );
    }
}

#[test]
fn nobody_waits_any_more() {
    let (mut device, port) = pair();
    for method in ["read", "read_until"] {
        let method = port.method(method).unwrap();
        let error = method.call_cancelled(&[(&port).into()]).unwrap_err();
        assert_eq!(error.code(), Code::Cancelled);
    }
    let much = vec![b'x'; 1 << 20];
    let write = port.method("write").unwrap();
    let error = write
        .call_cancelled(&[(&port).into(), much.as_slice().into()])
        .unwrap_err();
    assert_eq!(error.code(), Code::Cancelled);
    device.write_all(b"still there\n").unwrap();
    assert_eq!(get(&port, "read_until", &[]).unwrap(), "still there".into());
}

#[test]
fn another_handle_writes_while_one_reads() {
    let (mut device, port) = pair();
    let writer = port.object("clone", &[]).unwrap();
    get(&writer, "write", &["ping".into()]).unwrap();
    let mut come = [0; 4];
    device.read_exact(&mut come).unwrap();
    device.write_all(b"pong\n").unwrap();
    assert_eq!(
        (&come, get(&port, "read_until", &[]).unwrap()),
        (b"ping", "pong".into())
    );
    get(&port, "close", &[]).unwrap();
    assert_eq!(get(&port, "read", &[]).unwrap_err().text(), "the port is closed");
    get(&writer, "write", &["more".into()]).unwrap();
    device.read_exact(&mut come).unwrap();
    assert_eq!(&come, b"more");
}

#[test]
fn a_port_is_used_by_one() {
    let (_device, path) = terminal();
    let first = open(&path, &[]).unwrap();
    let error = open(&path, &[]).unwrap_err();
    let expected = format!("{path}: another program uses it exclusively; stop that one first");
    assert_eq!((error.code(), error.text()), (Code::Busy, expected.as_str()));
    let shared = [("exclusive", false.into())];
    open(&path, &shared).unwrap();
    let other = first.object("clone", &[]).unwrap();
    drop(first);
    assert_eq!(open(&path, &[]).unwrap_err().code(), Code::Busy);
    drop(other);
    open(&path, &[]).unwrap();
}

#[test]
fn settings_are_set_and_told() {
    let (_device, path) = terminal();
    let port = open(
        &path,
        &[
            ("baud", 9600.into()),
            ("stop", 2.into()),
            ("flow", "software".into()),
        ],
    )
    .unwrap();
    let settings = get(&port, "settings", &[]).unwrap();
    let expected = [
        ("baud", 9600.into()),
        ("data", 8.into()),
        ("parity", "none".into()),
        ("stop", 2.into()),
        ("flow", "software".into()),
    ];
    assert_eq!(settings, Value::fields(expected));
    get(&port, "configure", &[Value::fields([("baud", 250_000.into())])]).unwrap();
    let settings = get(&port, "settings", &[]).unwrap();
    let seen = (settings.get("baud"), settings.get("stop"));
    assert_eq!(seen, (Some(&250_000.into()), Some(&2.into())));
    assert_eq!(get(&port, "path", &[]).unwrap(), path.as_str().into());
}

#[test]
fn settings_that_no_port_has() {
    let (_device, path) = terminal();
    let refused = |name: &'static str, value: Value| {
        let error = open(&path, &[(name, value)]).unwrap_err();
        assert_eq!(error.code(), Code::Invalid, "{name}");
        error.text().to_owned()
    };
    assert!(refused("baud", 0.into()).starts_with("baud is a number of bits a second from 1"));
    refused("baud", 9600.5.into());
    refused("baud", (-9600).into());
    refused("baud", "fast".into());
    assert_eq!(refused("data", 9.into()), "data is one of 5, 6, 7, 8, not 9");
    assert_eq!(
        refused("parity", "mark".into()),
        "parity is one of none, even, odd, not mark"
    );
    assert_eq!(refused("stop", 3.into()), "stop is one of 1, 2, not 3");
    assert_eq!(
        refused("flow", "rts".into()),
        "flow is one of none, hardware, software, not rts"
    );
    assert!(refused("bauds", 1.into()).starts_with("no option is called \"bauds\"; there are: baud, data,"));
    // Pseudo-terminals have 8 data bits and no parity.
    let expected = format!(
        "{path}: this port does not do 115200 baud, 7 data bits, parity none, 1 stop bits, flow none; \
         it is at 115200 baud, 8 data bits, parity none, 1 stop bits, flow none now"
    );
    assert_eq!(refused("data", 7.into()), expected);
}

#[test]
fn what_has_come_can_be_thrown_away() {
    let (mut device, port) = pair();
    device.write_all(b"old\nold").unwrap();
    assert_eq!(get(&port, "read_until", &[]).unwrap(), "old".into());
    get(&port, "discard", &["input".into()]).unwrap();
    device.write_all(b"new\n").unwrap();
    assert_eq!(get(&port, "read_until", &[]).unwrap(), "new".into());
    get(&port, "discard", &[]).unwrap();
    assert_eq!(
        get(&port, "discard", &["all".into()]).unwrap_err().code(),
        Code::Invalid
    );
}

#[test]
fn lines_of_a_modem_are_not_there() {
    // A pseudo-terminal has none, and says so.
    let (_device, port) = pair();
    for (method, arguments) in [
        ("signals", vec![]),
        ("set_dtr", vec![true.into()]),
        ("set_rts", vec![true.into()]),
    ] {
        let error = get(&port, method, &arguments).unwrap_err();
        assert!(
            error.text().ends_with(": this port has no lines for a modem"),
            "{error}"
        );
    }
    // It takes a break and does nothing.
    get(&port, "send_break", &[0.01.into()]).unwrap();
}

#[test]
fn what_is_no_port() {
    let refused = |path: &str| open(path, &[]).unwrap_err();
    let error = refused("/dev/ttyNONE9");
    assert_eq!(error.code(), Code::NotFound);
    assert!(
        error
            .text()
            .starts_with("/dev/ttyNONE9: there is no such device; serial.ports()"),
        "{error}"
    );
    let error = refused("/dev/null");
    assert_eq!(
        (error.code(), error.text()),
        (Code::Invalid, "/dev/null: this is no serial port")
    );
    assert_eq!(refused("/dev").code(), Code::Invalid);
    // Tests run in the folder of their crate.
    assert_eq!(refused("Cargo.toml").code(), Code::Invalid);
    let error = get(&pair().1, "read", &[within(-1.0)]).unwrap_err();
    assert_eq!(error.text(), "a wait takes a number of seconds from 0, not -1");
    let error = get(&pair().1, "read", &[Value::fields([("max", 2_000_000.into())])]).unwrap_err();
    assert_eq!(error.code(), Code::Limit);
}

#[test]
fn ports_are_listed() {
    let ports = testing::call(&PLUGIN, "ports", &[]).unwrap().remove(0);
    assert!(matches!(ports, Value::Table(_)), "{ports:?}");
}
