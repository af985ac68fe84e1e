//! The scripts of `tests/lua` assert what the built-in modules do in a real environment.

mod scripts;

use gshell_script::Outcome;

fn passes(name: &str) {
    let text = scripts::read(&format!("runtime/script/tests/lua/{name}"));
    let ran = scripts::run(name, &text, &[]);
    assert_eq!(ran.outcome, Outcome::Ok, "{}", ran.err);
}

#[test]
fn fs() {
    passes("fs.lua");
}

#[test]
fn process() {
    passes("process.lua");
}

#[test]
fn proc() {
    passes("proc.lua");
}

#[test]
fn json_and_time() {
    passes("data.lua");
}

#[test]
fn log_lines_go_to_standard_error() {
    let ran = scripts::run("log.lua", &scripts::read("runtime/script/tests/lua/log.lua"), &[]);
    assert_eq!(ran.outcome, Outcome::Ok, "{}", ran.err);
    let lines: Vec<&str> = ran.err.lines().collect();
    let expected = [
        "][test][INFO] started",
        "][test][WARN] 1 of 2",
        "][net.tcp][DEBUG] shown",
        "][test][FATAL] end",
    ];
    assert_eq!(lines.len(), expected.len(), "{}", ran.err);
    for (line, end) in lines.iter().zip(expected) {
        assert!(line.starts_with('[') && line.ends_with(end), "{line}");
        assert_eq!(
            line.find(']'),
            Some("[2026-01-02 15:04:05.000000".len()),
            "{line}"
        );
    }
    assert_eq!(ran.out.lines().count(), 1, "{}", ran.out);
    assert!(ran.out.contains("][web][INFO](log.lua:"), "{}", ran.out);
}

#[test]
fn a_script_is_no_module_of_its_own_package() {
    let text = "assert(require 'gshell'.sleep)";
    let ran = scripts::run("gshell.lua", text, &[]);
    assert_eq!(ran.outcome, Outcome::Ok, "{}", ran.err);
    let ran = scripts::run("sum.lua", "require 'sum'", &[]);
    assert!(
        ran.err.contains("module 'sum' not found")
            && ran.err.contains("'sum.lua' is what runs, not a module"),
        "{}",
        ran.err
    );
}

/// What a script has started ends with it, also in the middle of a wait.
#[test]
fn nothing_outlives_the_environment() {
    let text = r#"
        local process, fs = require "gshell.process", require "gshell.fs"
        local dir = fs.tmpdir()
        local child = process.spawn { "sh", "-c", "sleep 1000 & echo $! $$; wait" }
        local other = process.spawn "sleep 1000 & echo $!; exit 0"
        print(dir, child:lines()(), other:lines()())
        other:wait()
        require "gshell".spawn(function() process.run "sleep 1000" end)
        fs.lines "/proc/stat" ()
        local watch = fs.watch(dir)
        require "gshell".spawn(function() watch:next() end)
        print "waiting"
        child:wait()
    "#;
    for end in ["stop", "kill"] {
        let ran = scripts::run_with("left.lua", text, &[], async |environment, output| {
            output.until("waiting").await;
            if end == "stop" {
                environment.stop()
            } else {
                environment.kill()
            }
        });
        let expected = if end == "stop" {
            Outcome::Stopped
        } else {
            Outcome::Killed
        };
        assert_eq!(ran.outcome, expected, "{}", ran.err);
        let mut words = ran.out.split_whitespace().filter(|word| *word != "waiting");
        assert!(!std::path::Path::new(words.next().unwrap()).exists());
        for pid in words {
            let gone = (0..500).any(|_| {
                let alive = gshell_sys::process::alive(pid.parse().unwrap());
                std::thread::sleep(std::time::Duration::from_millis(if alive { 10 } else { 0 }));
                !alive
            });
            assert!(gone, "process {pid} lives on after {end}");
        }
    }
}

/// A place among the open files is free again when what took it has ended.
#[test]
fn open_things_are_counted_and_bounded() {
    let text = r#"
        local process, fs = require "gshell.process", require "gshell.fs"
        for _ = 1, 260 do process.run { "true" } end
        for _ = 1, 260 do for _ in fs.lines "/dev/null" do end end
        for _ = 1, 260 do fs.watch("/"):close() end
        collectgarbage()
        local children, ok, err = {}, true, nil
        while ok do
            ok, err = pcall(process.spawn, { "sleep", "1000" })
            if ok then children[#children + 1] = err end
        end
        assert(err.code == "limit" and #children == 256, tostring(err))
        children[1]:close()
        children[1]:wait()
        assert(pcall(process.run, { "true" }))
    "#;
    let ran = scripts::run("bounded.lua", text, &[]);
    assert_eq!(ran.outcome, Outcome::Ok, "{}", ran.err);
}
