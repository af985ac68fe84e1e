//! What the macros say to mistakes, and that they say it at the code that has it.

use crate::attributes::Plugin;
use crate::{fields, module};

/// The first error for a module with these items.
fn problem_with(options: &str, items: &str) -> (String, String) {
    let made = options
        .parse()
        .map_err(|error| syn::Error::new(proc_macro2::Span::call_site(), error));
    let module = format!("mod plugin {{ {items} }}");
    let made = made
        .and_then(Plugin::parse)
        .and_then(|options| module::expand(&options, syn::parse_str(&module)?));
    match made {
        Ok(_) => (String::new(), String::new()),
        Err(error) => (error.to_string(), error.span().source_text().unwrap_or_default()),
    }
}

fn problem(items: &str) -> (String, String) {
    problem_with("name = \"test\"", items)
}

#[track_caller]
fn refuses(items: &str, message: &str, at: &str) {
    assert_eq!(problem(items), (message.to_owned(), at.to_owned()), "{items}");
}

#[test]
fn what_is_right_has_no_error() {
    let items = "#[function] fn f<'a>(a: &'a str) -> Option<&'a str> { None } #[constant] const A: &'static str = \"\";
        #[object] impl O { #[method] fn m(&mut self) {} fn other() {} } fn helper<T>(_: T) {}
        #[service(publisher = \"a\", name = \"b\")] impl S { #[handler] fn h(&self, a: A) -> Result<B, E> {}
            #[handler(stream, sends(B))] fn s(a: A, stream: &mut Stream<'_>) {} }
        #[load] fn begin() {}";
    assert_eq!(problem(items).0, "");
}

#[test]
fn functions() {
    refuses(
        "#[function] async fn f() {}",
        "a function for scripts is not async: make it blocking, then its caller's coroutine waits",
        "async",
    );
    refuses(
        "#[function] fn f<T: Clone>(a: T) {}",
        "a function for scripts has no type parameters: scripts bring the types that it says",
        "T: Clone",
    );
    refuses(
        "#[function] fn f(self) {}",
        "a function for scripts has no self: see #[object]",
        "self",
    );
    refuses(
        "#[function(fast)] fn f() {}",
        "this attribute takes: name, blocking",
        "fast",
    );
    refuses(
        "#[function(name = \"a\", name = \"b\")] fn f() {}",
        "this is said twice",
        "name = \"b\"",
    );
    refuses(
        "#[method] fn f() {}",
        "#[method] does not go onto a function of a plugin's module",
        "#[method]",
    );
    refuses(
        "#[function] struct A;",
        "#[function] does not go onto a struct: it goes onto its impl",
        "#[function]",
    );
    refuses(
        "#[function] fn a() {} #[constant(name = \"a\")] const A: i64 = 1;",
        "scripts see something called \"a\" already",
        "A",
    );
    refuses(
        "#[load] fn f(a: i64) {}",
        "#[load] is for a function that takes nothing and returns () or Result<()>",
        "fn f(a: i64)",
    );
}

#[test]
fn constants() {
    let message = "a constant for scripts is bool, i8 to i64, u8 to u32, f32, f64, &str, &[u8] or &[u8; N]";
    refuses("#[constant] const A: u64 = 1;", message, "u64");
    refuses("#[constant] const A: (i64, i64) = (1, 2);", message, "(i64, i64)");
}

#[test]
fn objects() {
    refuses(
        "#[object] impl A { #[method] fn new() -> A { A } }",
        "a method has &self or &mut self; what makes an object is a function",
        "new",
    );
    let message = "the script keeps the object: a method has &self or &mut self";
    refuses("#[object] impl A { #[method] fn end(self) {} }", message, "self");
    refuses(
        "#[object] impl A for B {}",
        "#[object] goes onto an impl of a type, not of a trait",
        "B",
    );
    refuses(
        "#[object] impl A<B> { } #[object] impl<T> A<T> {}",
        "#[object] goes onto a type without parameters",
        "A<T>",
    );
    refuses(
        "#[object] impl A { #[handler] fn f(&self) {} }",
        "#[handler] does not go onto a function of an #[object]",
        "#[handler]",
    );
}

#[test]
fn services() {
    let service =
        |handler: &str| format!("#[service(publisher = \"a\", name = \"b\")] impl S {{ {handler} }}");
    refuses(
        "#[service(name = \"b\")] impl S {}",
        "a service has two names: #[service(publisher = \"example\", name = \"echo\")]",
        "#[service(name = \"b\")]",
    );
    refuses(
        &service("#[handler] fn f(&self) {}"),
        "a handler takes a message",
        "f",
    );
    refuses(
        &service("#[handler] fn f(&mut self, a: A) {}"),
        "handlers run on several threads: &self, and a Mutex for what changes",
        "&mut self",
    );
    refuses(
        &service("#[handler] fn f(a: A, stream: &mut Stream<'_>) {}"),
        "a stream is for #[handler(stream, sends(...))]",
        "&mut Stream<'_>",
    );
    refuses(
        &service("#[handler(stream)] fn f(a: A) -> Result<B> {}"),
        "a handler of streams answers by what it sends, and returns () or Result<()>",
        "-> Result<B>",
    );
    refuses(
        &service("#[handler(sends(B))] fn f(a: A) {}"),
        "sends and receives are for #[handler(stream, ...)]",
        "#[handler(sends(B))]",
    );
    refuses(
        &service("#[handler] fn f(a: A, b: B) {}"),
        "a handler takes one message; beside it &Caller, or &mut Stream for #[handler(stream)]",
        "b: B",
    );
}

#[test]
fn names() {
    for (options, message) in [
        ("", "a plugin has a name: #[plugin(name = \"echo\")]"),
        (
            "name = \"\"",
            "a plugin's name is made of a-z, 0-9, \"_\", \"-\", \".\" and \"/\"",
        ),
        (
            "name = \"Echo\"",
            "a plugin's name is made of a-z, 0-9, \"_\", \"-\", \".\" and \"/\"",
        ),
        (
            "name = \"a//b\"",
            "each part of a plugin's name begins with a letter or a digit",
        ),
        (
            "name = \"a/../b\"",
            "each part of a plugin's name begins with a letter or a digit",
        ),
        (
            "name = \"a\", version = \"\"",
            "a version has 1 to 31 bytes, as in \"1.2.3\"",
        ),
        (
            "name = \"a\", help = \"b\"",
            "#[plugin] takes name, summary, version, lua, app and messages(...)",
        ),
    ] {
        assert_eq!(problem_with(options, "").0, message, "{options}");
    }
    assert_eq!(problem_with(&format!("name = \"{}\"", "a".repeat(63)), "").0, "");
    let long = problem_with(&format!("name = \"{}\"", "a".repeat(64)), "");
    assert_eq!(long.0, "a plugin's name has 63 bytes at most");
    assert_eq!(problem_with("name = \"example.org/echo\"", "").0, "");
}

#[test]
fn structs() {
    let refused = |text: &str| match syn::parse_str(text).and_then(|input| fields::implement(&input)) {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    };
    assert_eq!(refused("struct A { a: i64 }"), "");
    assert_eq!(
        refused("struct A(i64);"),
        "Fields is for structs with named fields"
    );
    assert_eq!(refused("enum A { B }"), "Fields is for structs with named fields");
    assert_eq!(
        refused("struct A<'a> { a: &'a str }"),
        "a struct for scripts has no parameters: it owns what it holds"
    );
    assert_eq!(
        refused("struct A { #[field(help = \"b\")] a: i64 }"),
        "#[field] takes name = \"...\""
    );
}
