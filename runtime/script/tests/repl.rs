//! The evaluator of the shell.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::rc::Rc;

use common::Collect;
use gshell_script::{Eval, Input, Output, Repl};
use gshell_service::rt;

fn repl() -> (Rc<Repl>, Rc<Collect>) {
    let output = Rc::new(Collect::default());
    (
        Rc::new(Repl::new(Rc::clone(&output) as Rc<dyn Output>, Input::empty(), None).unwrap()),
        output,
    )
}

fn done(values: &[&str]) -> Eval {
    Eval::Done(values.iter().map(|v| v.to_string()).collect())
}

#[test]
fn lines_are_evaluated() {
    rt::block_on(async {
        let (repl, output) = repl();
        assert_eq!(
            repl.eval("1 + 1, 'a\\nb', nil").await,
            done(&["2", "\"a\\nb\"", "nil"])
        );
        assert_eq!(
            repl.eval("x = { 3, { y = { z = 1 } }, k = true, ['a b'] = {} }")
                .await,
            done(&[])
        );
        assert_eq!(
            repl.eval("x").await,
            done(&["{ 3, { y = {...} }, [\"a b\"] = {}, k = true }"])
        );
        assert_eq!(repl.eval("for i = 1, 2 do").await, Eval::Incomplete);
        assert_eq!(repl.eval("for i = 1, 2 do\nprint(i) end").await, done(&[]));
        assert_eq!(output.out.take(), "1\n2\n");
        assert_eq!(repl.eval("error('no')").await, Eval::Error("shell:1: no".into()));
        assert!(matches!(repl.eval("x = = 1").await, Eval::Error(m) if m.contains("unexpected symbol")));
        assert_eq!(repl.eval("require('gshell').sleep(0.001)").await, done(&[]));
        assert_eq!(repl.eval("").await, done(&[]));
        assert_eq!(
            repl.eval("t = require('gshell').spawn(function() return 7 end) return t:join()")
                .await,
            done(&["7"])
        );
        assert_eq!(repl.eval("os.exit(4)").await, Eval::Exit(4));
    });
}

#[test]
fn a_line_can_be_interrupted() {
    rt::block_on(async {
        let (repl, _) = repl();
        let other = Rc::clone(&repl);
        let interrupter = rt::spawn(async move {
            rt::yield_now().await;
            other.interrupt();
        });
        assert_eq!(
            repl.eval("while true do pcall(error) end").await,
            Eval::Error("interrupted".into())
        );
        interrupter.await;
        assert_eq!(repl.eval("1").await, done(&["1"]));
    });
}

#[test]
fn names_are_completed() {
    rt::block_on(async {
        let (repl, _) = repl();
        repl.eval("thing = setmetatable({ own = 1 }, { __index = { other = 2 } }) text = 'x'")
            .await;
        assert_eq!(repl.complete("print(stri"), ["string"]);
        assert_eq!(repl.complete("x = thing.o"), ["thing.other", "thing.own"]);
        assert_eq!(repl.complete("text:up"), ["text:upper"]);
        assert_eq!(repl.complete("io.std"), ["io.stderr", "io.stdin", "io.stdout"]);
        assert_eq!(repl.complete("nothing.x"), Vec::<String>::new());
    });
}
