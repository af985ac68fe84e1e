//! Objects: who uses them, when they end, and what becomes of panics on the way.
#![allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking

use std::sync::atomic::Ordering::SeqCst;

use gshell_plugin_sdk::testing::{self, Given};
use gshell_plugin_sdk::{Code, Value};

#[gshell_plugin_sdk::plugin(name = "objects", summary = "Objects.", version = "1.0.0")]
mod plugin {
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

    use gshell_plugin_sdk::{Code, Error, Result};

    /// How many tokens have ended.
    pub static ENDED: AtomicU32 = AtomicU32::new(0);

    /// Has no data.
    pub struct Token;

    impl Drop for Token {
        fn drop(&mut self) {
            ENDED.fetch_add(1, SeqCst);
        }
    }

    #[function]
    fn token(good: bool) -> Result<Token> {
        good.then_some(Token)
            .ok_or_else(|| Error::new(Code::Denied, "no token"))
    }

    #[object(name = "Ticket")]
    impl Token {
        #[method]
        fn beside(&mut self, others: Vec<&Token>, last: Option<&mut Token>) -> u32 {
            others.len() as u32 + u32::from(last.is_some())
        }
    }

    /// Panics when it ends.
    #[derive(Debug)]
    pub struct Grenade {
        pulled: bool,
    }

    impl Drop for Grenade {
        fn drop(&mut self) {
            if self.pulled {
                panic!("bang");
            }
        }
    }

    #[object]
    impl Grenade {
        #[method]
        fn pull(&mut self) -> bool {
            std::mem::replace(&mut self.pulled, true)
        }

        #[method(name = "throw")]
        fn threw(&mut self) {
            self.pulled = true;
            panic!("thrown");
        }
    }

    #[function]
    fn grenade() -> Grenade {
        Grenade { pulled: false }
    }
}

#[test]
fn objects_end_once_and_are_told_apart() {
    let before = plugin::ENDED.load(SeqCst);
    let one = testing::object(&PLUGIN, "token", &[true.into()]).unwrap();
    let two = testing::object(&PLUGIN, "token", &[true.into()]).unwrap();
    // Also those without data are different objects.
    let beside = |object: &testing::Object, last: &[Given<'_>]| {
        let mut given = vec![Given::Value(Value::Table(Vec::new()))];
        given.extend_from_slice(last);
        object.call("beside", &given)
    };
    assert_eq!(beside(&one, &[(&two).into()]).unwrap(), [1.into()]);
    assert_eq!(beside(&one, &[]).unwrap(), [0.into()]);
    let clash = beside(&one, &[(&one).into()]).unwrap_err();
    assert_eq!(
        (clash.code(), clash.text()),
        (
            Code::Invalid,
            "one object is given twice to a function that changes it"
        )
    );
    drop(one);
    assert_eq!(plugin::ENDED.load(SeqCst), before + 1);
    drop(two);
    assert_eq!(plugin::ENDED.load(SeqCst), before + 2);
    assert_eq!(
        testing::object(&PLUGIN, "token", &[false.into()])
            .unwrap_err()
            .text(),
        "no token"
    );
}

#[test]
fn panics_stay_inside() {
    let grenade = testing::object(&PLUGIN, "grenade", &[]).unwrap();
    assert_eq!(
        grenade.call("throw", &[]).unwrap_err().text(),
        "it panicked: thrown"
    );
    // What it had changed until then stays.
    assert_eq!(grenade.call("pull", &[]).unwrap(), [true.into()]);
    // The end panics, and nobody is harmed.
    drop(grenade);
    let error = testing::object(&PLUGIN, "grenade", &[])
        .unwrap()
        .call("push", &[])
        .unwrap_err();
    assert_eq!(error.text(), "Grenade has no method \"push\"");
}
