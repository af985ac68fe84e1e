//! What scripts get from the plugin: on a simulated chip where the kernel has them, and what is said where there is none.
#![allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking

mod simulated;

use gshell_plugin_gpio::PLUGIN;
use gshell_plugin_sdk::testing::{self, Object};
use gshell_plugin_sdk::{Code, Error, Value};
use simulated::Simulated;

fn open(name: &str) -> Result<Object, Error> {
    testing::object(&PLUGIN, "open", &[name.into()])
}

/// The one result of a method.
fn get(object: &Object, method: &str, arguments: &[Value]) -> Result<Value, Error> {
    let given: Vec<_> = arguments.iter().cloned().map(Into::into).collect();
    object
        .call(method, &given)
        .map(|mut results| match results.len() {
            0 => Value::Nil,
            _ => results.remove(0),
        })
}

fn request(chip: &Object, lines: Value, options: &[(&str, Value)]) -> Result<Object, Error> {
    chip.object("request", &[lines.into(), Value::fields(options.to_vec()).into()])
}

#[test]
fn what_is_no_chip() {
    let error = open("gpiochip4711").unwrap_err();
    let expected = "/dev/gpiochip4711: there is no such chip; gpio.chips() lists those that there are";
    assert_eq!((error.code(), error.text()), (Code::NotFound, expected));
    // A file, a folder, and devices of others. Tests run in the folder of their crate.
    for path in ["./Cargo.toml", "/dev", "/dev/null", "/dev/zero"] {
        let error = open(path).unwrap_err();
        let expected = format!("{path}: this is no GPIO chip; those are called /dev/gpiochip0 and so on");
        assert_eq!((error.code(), error.text()), (Code::Invalid, expected.as_str()));
    }
}

#[test]
fn chips_are_listed() {
    let chips = testing::call(&PLUGIN, "chips", &[]).unwrap().remove(0);
    let Value::Table(chips) = chips else {
        panic!("{chips:?}");
    };
    for (_, chip) in chips {
        let path = chip.get("path").and_then(Value::as_str).unwrap();
        assert!(path.starts_with("/dev/gpiochip"), "{chip:?}");
    }
}

#[test]
fn functions_say_what_they_take_and_give() {
    let open = testing::function(&PLUGIN, "open");
    assert_eq!(
        (open.signature(), open.is_blocking()),
        ("name: string -> Chip", false)
    );
}

#[test]
fn a_chip_tells_of_its_lines() {
    let Some(simulated) = Simulated::new("tells") else {
        return;
    };
    let chip = open(&simulated.chip).unwrap();
    let info = get(&chip, "info", &[]).unwrap();
    assert_eq!(info.get("lines"), Some(&4.into()));
    assert_eq!(get(&chip, "find", &["BUTTON".into()]).unwrap(), 1.into());
    assert_eq!(get(&chip, "find", &["LEVER".into()]).unwrap(), Value::Nil);
    let line = get(&chip, "line", &[1.into()]).unwrap();
    assert_eq!(
        (line.get("used"), line.get("name")),
        (Some(&false.into()), Some(&"BUTTON".into()))
    );
    let error = get(&chip, "line", &[4.into()]).unwrap_err();
    assert!(
        error.text().ends_with("no line 4: the chip has lines 0 to 3"),
        "{error}"
    );
    let error = request(&chip, "LEVER".into(), &[]).unwrap_err();
    assert!(
        error
            .text()
            .ends_with("no line is called \"LEVER\"; chip:lines() lists them"),
        "{error}"
    );
}

#[test]
fn levels_go_out_and_come_in() {
    let Some(simulated) = Simulated::new("levels") else {
        return;
    };
    let chip = open(&simulated.chip).unwrap();
    let options = [
        ("direction", "output".into()),
        ("values", Value::list([true, false])),
    ];
    let outputs = request(&chip, Value::list([0, 2]), &options).unwrap();
    assert_eq!((simulated.value(0), simulated.value(2)), (true, false));
    get(&outputs, "set", &[1.into(), 2.into()]).unwrap();
    assert_eq!(get(&outputs, "get_all", &[]).unwrap(), Value::list([true, true]));
    get(&outputs, "set_all", &[Value::list([0, 1])]).unwrap();
    assert_eq!((simulated.value(0), simulated.value(2)), (false, true));
    let error = request(&chip, 2.into(), &[]).unwrap_err();
    assert_eq!(error.code(), Code::Busy);
    assert!(
        error
            .text()
            .ends_with("line 2 is used by gshell; stop that one first"),
        "{error}"
    );
    let input = request(&chip, "BUTTON".into(), &[("active_low", true.into())]).unwrap();
    simulated.pull(1, true);
    assert_eq!(get(&input, "get", &[]).unwrap(), false.into());
    assert_eq!(
        get(&input, "set", &[true.into()]).unwrap_err().code(),
        Code::State
    );
    get(&outputs, "release", &[]).unwrap();
    assert_eq!(
        get(&outputs, "get_all", &[]).unwrap_err().text(),
        "the lines are released"
    );
    request(&chip, 2.into(), &[]).unwrap();
}

#[test]
fn edges_are_waited_for() {
    let Some(simulated) = Simulated::new("edges") else {
        return;
    };
    let chip = open(&simulated.chip).unwrap();
    let lines = request(&chip, Value::list([1, 3]), &[("edges", "both".into())]).unwrap();
    assert_eq!(get(&lines, "wait", &[0.05.into()]).unwrap(), Value::Nil);
    let wait = lines.method("wait").unwrap();
    let error = wait.call_cancelled(&[(&lines).into()]).unwrap_err();
    assert_eq!(error.code(), Code::Cancelled);
    simulated.pull(3, true);
    simulated.pull(3, false);
    for (number, edge) in [(1, "rising"), (2, "falling")] {
        let seen = get(&lines, "wait", &[]).unwrap();
        assert_eq!(
            (seen.get("line"), seen.get("edge")),
            (Some(&3.into()), Some(&edge.into()))
        );
        assert_eq!(seen.get("number"), Some(&number.into()));
    }
    get(&lines, "configure", &[Value::fields([])]).unwrap();
    let error = get(&lines, "wait", &[]).unwrap_err();
    assert_eq!(error.code(), Code::State);
}
