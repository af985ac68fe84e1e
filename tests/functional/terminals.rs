//! What a person at a terminal does: Ctrl-C, detaching, coming back, the REPL.

use gshell_tests::terminal::{CTRL_C, CTRL_D, DETACH, Terminal};
use gshell_tests::{Node, emulated, tools, wait_until};

const POLITE: &str = "local gshell = require 'gshell'\n\
                      gshell.on_stop(function() print 'asked to stop' end)\n\
                      print 'up' while true do gshell.sleep(60) end";
const DEAF: &str = "local gshell = require 'gshell'\n\
                    gshell.on_stop(function() print 'asked to stop' while true do gshell.sleep(60) end end)\n\
                    print 'up' while true do pcall(gshell.sleep, 60) end";

fn attached(node: &Node, text: &str) -> Terminal {
    let script = node.script("t.lua", text);
    let terminal = Terminal::start(&node.command(["run", "-i", &script]));
    terminal.wait_shown("up");
    terminal
}

#[test]
fn ctrl_c_asks_the_script_to_stop() {
    let node = Node::start();
    let mut terminal = attached(&node, POLITE);
    terminal.send(CTRL_C);
    terminal.wait_shown("asked to stop");
    let code = terminal.wait_end();
    assert!(
        code.is_some_and(|code| code != 0),
        "{code:?}: {}",
        terminal.shown()
    );
    let id = node.ps()[0].id.clone();
    node.wait_status(&id, "exited:killed");
}

#[test]
fn a_second_ctrl_c_kills_it() {
    let node = Node::start();
    let mut terminal = attached(&node, DEAF);
    terminal.send(CTRL_C);
    terminal.wait_shown("asked to stop");
    let start = std::time::Instant::now();
    terminal.send(CTRL_C);
    terminal.wait_end();
    assert!(
        start.elapsed() < emulated::slower(std::time::Duration::from_secs(3)),
        "without waiting for the grace period"
    );
    let id = node.ps()[0].id.clone();
    node.wait_status(&id, "exited:killed");
}

#[test]
fn detach_and_come_back() {
    let node = Node::start();
    let text = "print 'up' for line in io.lines() do print('got ' .. line) end print 'end of input'";
    let mut terminal = attached(&node, text);
    terminal.send(b"one\n");
    terminal.wait_shown("got one");
    terminal.send(DETACH);
    assert_eq!(terminal.wait_end(), Some(0), "{}", terminal.shown());
    let id = node.ps()[0].id.clone();
    assert_eq!(node.job(&id).state, "running");
    let mut terminal = Terminal::start(&node.command(["attach", &id]));
    terminal.send(b"two\n");
    terminal.wait_shown("got two");
    terminal.send(CTRL_D);
    terminal.wait_shown("end of input");
    assert_eq!(terminal.wait_end(), Some(0));
    node.wait_status(&id, "exited:ok");
}

#[test]
fn a_lost_terminal_detaches() {
    let node = Node::start();
    let mut terminal = attached(&node, POLITE);
    let id = node.ps()[0].id.clone();
    terminal.hang_up();
    terminal.wait_end();
    std::thread::sleep(std::time::Duration::from_millis(200));
    assert_eq!(node.job(&id).state, "running");
    assert!(!node.ok(&["log", &id]).contains("asked to stop"));
}

#[test]
fn the_terminal_is_as_it_was_afterwards() {
    let node = Node::start();
    let script = node.script("t.lua", "print 'up' io.read() os.exit(3)");
    let shell = "before=$(stty -g); \"$0\" run -i \"$1\"; echo status=$?; \
                 test \"$before\" = \"$(stty -g)\" && echo same";
    let mut command = node.command([""]);
    let program = command.get_program().to_owned();
    let mut sh = std::process::Command::new("sh");
    sh.args(["-c", shell])
        .arg(program)
        .arg(&script)
        .current_dir(node.work_dir());
    sh.envs(
        command
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    command = sh;
    let mut terminal = Terminal::start(&command);
    terminal.wait_shown("up");
    terminal.send(b"x\n");
    terminal.wait_shown("status=3");
    terminal.wait_shown("same");
    terminal.wait_end();
}

#[test]
fn the_shell_evaluates_lines() {
    let node = Node::start();
    let mut terminal = Terminal::start(&node.command(["shell"]));
    let mut prompts = 0;
    let mut say = |terminal: &mut Terminal, line: &str, answer: &str| {
        prompts += 1;
        terminal.wait_times(">> ", prompts);
        terminal.send(format!("{line}\r").as_bytes());
        terminal.wait_shown(answer);
    };
    say(&mut terminal, "x = 20", "x = 20");
    say(&mut terminal, "x + 22", "42");
    say(&mut terminal, "error('pur' .. 'ple')", "purple");
    say(
        &mut terminal,
        "function f() return 'whole ' .. 'function' end",
        "' end",
    );
    say(&mut terminal, "f()", "whole function");
    say(&mut terminal, "while true do end", "true do end");
    std::thread::sleep(std::time::Duration::from_millis(500));
    terminal.send(CTRL_C);
    terminal.wait_shown("interrupted");
    say(&mut terminal, "'still ' .. 'here'", "still here");
    say(&mut terminal, "for i = 1, 2 do", "\n");
    terminal.wait_shown("\r\u{1b}[K> ");
    terminal.send(b"print('i' .. i) end\r");
    terminal.wait_shown("i2");
    say(&mut terminal, "'last'", "last");
    terminal.wait_times(">> ", prompts + 1);
    terminal.send(CTRL_D);
    assert_eq!(terminal.wait_end(), Some(0), "{}", terminal.shown());
}

#[test]
fn the_shell_reads_a_pipe() {
    let node = Node::start();
    let out = node.cmd_with_input(&["shell"], b"x = 6\nx * 7\nprint 'done'\n");
    assert!(out.ok().contains("42") && out.stdout.contains("done"), "{out:?}");
}

#[test]
fn it_works_under_tmux() {
    if !tools::has("tmux", "tmux") {
        return;
    }
    let node = Node::start();
    let script = node.script("t.lua", POLITE);
    let socket = node.work_dir().join("tmux");
    let tmux = |args: &[&str]| {
        let mut command = std::process::Command::new("tmux");
        command.args(["-f", "/dev/null", "-S"]).arg(&socket).args(args);
        let own = node.command([""]);
        command.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
        gshell_tests::command::run(command, b"")
    };
    let program = gshell_tests::binary::gshell().display().to_string();
    tmux(&[
        "new-session",
        "-d",
        "-x",
        "80",
        "-y",
        "24",
        &program,
        "run",
        "-i",
        &script,
    ])
    .ok();
    wait_until("it is up", gshell_tests::DEADLINE, || {
        node.ps()
            .first()
            .is_some_and(|job| node.ok(&["log", &job.id]).contains("up"))
    });
    let id = node.ps()[0].id.clone();
    // The terminal goes away with the server; the job stays.
    tmux(&["kill-server"]);
    std::thread::sleep(std::time::Duration::from_millis(200));
    assert_eq!(node.job(&id).state, "running");
}
