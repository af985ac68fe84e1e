//! What is in a plugin, for people.

use gshell_plugin_host::json::{self, field};
use gshell_wire::Value;

use crate::cli::value::compact;

/// The page of a plugin, made of what `__open` tells.
pub fn page(told: &Value) -> String {
    let mut out = String::new();
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            out.push_str(&format!("{name:<9}: {value}\n"));
        }
    };
    line("Name", text(told, "name"));
    line("Version", text(told, "version"));
    line("Summary", text(told, "summary"));
    line("Built by", text(told, "built_by"));
    line("From", json::text(field(told, "path")).unwrap_or("built in"));
    if is(told, "app") {
        line("App", &format!("gshell run {}", text(told, "name")));
    }
    section(&mut out, "Functions", list(told, "functions"), |out, function| {
        self::function(out, "", function);
    });
    section(&mut out, "Constants", list(told, "constants"), |out, constant| {
        entry(
            out,
            &format!(
                "{} = {}",
                text(constant, "name"),
                compact(field(constant, "value"), None)
            ),
            "",
        );
    });
    section(&mut out, "Classes", list(told, "classes"), |out, class| {
        let name = text(class, "name");
        entry(out, name, "");
        list(class, "methods")
            .iter()
            .for_each(|method| function(out, &format!("{name}:"), method));
    });
    section(&mut out, "Messages", list(told, "messages"), |out, message| {
        entry(
            out,
            &format!("{} {}", text(message, "name"), text(message, "shape")),
            text(message, "help"),
        );
    });
    section(&mut out, "Services", list(told, "services"), |out, service| {
        entry(
            out,
            &format!("{}/{}", text(service, "publisher"), text(service, "name")),
            text(service, "help"),
        );
        list(service, "handlers")
            .iter()
            .for_each(|handler| self::handler(out, handler));
    });
    out
}

fn text<'a>(of: &'a Value, key: &str) -> &'a str {
    json::text(field(of, key)).unwrap_or_default()
}

fn is(of: &Value, key: &str) -> bool {
    *field(of, key) == Value::Bool(true)
}

fn list<'a>(of: &'a Value, key: &str) -> &'a [Value] {
    json::list(field(of, key))
}

fn section(out: &mut String, title: &str, all: &[Value], one: impl Fn(&mut String, &Value)) {
    if all.is_empty() {
        return;
    }
    out.push_str(&format!("\n{title}:\n"));
    all.iter().for_each(|value| one(out, value));
}

fn entry(out: &mut String, head: &str, help: &str) {
    out.push_str(&format!("  {}\n", head.trim_end()));
    for line in help.lines() {
        out.push_str(format!("      {line}").trim_end());
        out.push('\n');
    }
}

/// `add(a: integer, b: integer) -> integer`
fn function(out: &mut String, owner: &str, function: &Value) {
    let signature = text(function, "signature");
    let (takes, gives) = match signature.split_once("->") {
        Some((takes, gives)) => (takes.trim(), format!(" -> {}", gives.trim())),
        None => (signature, String::new()),
    };
    let blocking = if is(function, "blocking") {
        " (blocking)"
    } else {
        ""
    };
    let head = format!("{owner}{}({takes}){gives}{blocking}", text(function, "name"));
    entry(out, &head, text(function, "help"));
}

fn handler(out: &mut String, handler: &Value) {
    let replies: Vec<&str> = list(handler, "replies").iter().filter_map(json::text).collect();
    let gives = match replies.is_empty() {
        true => String::new(),
        false => format!(" -> {}", replies.join(" or ")),
    };
    let stream = if is(handler, "stream") { " (stream)" } else { "" };
    entry(out, &format!("  {}{gives}{stream}", text(handler, "request")), "");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_has_its_place() {
        let told = json::parse(br#"{
            "name": "sum", "version": "1.0.0", "summary": "Adds.", "built_by": "gcc 12", "path": null, "app": true,
            "functions": [
                {"name": "add", "signature": "a: integer, b: integer -> integer", "help": "The sum.\n\nOf two.", "blocking": false},
                {"name": "wait", "signature": "", "help": "", "blocking": true}
            ],
            "constants": [{"name": "MOST", "value": 7}, {"name": "SIGN", "value": "+"}],
            "classes": [{"name": "Counter", "methods": [{"name": "up", "signature": "by: integer", "help": ""}]}],
            "messages": [{"name": "sum.Add", "shape": "{ a: i64 }", "help": "Adds."}, {"name": "sum.Added", "shape": null}],
            "services": [{"publisher": "example", "name": "sum", "help": "",
                "handlers": [{"request": "sum.Add", "replies": ["sum.Added"], "stream": false}]}]
        }"#)
        .unwrap();
        let want = "\
Name     : sum
Version  : 1.0.0
Summary  : Adds.
Built by : gcc 12
From     : built in
App      : gshell run sum

Functions:
  add(a: integer, b: integer) -> integer
      The sum.

      Of two.
  wait() (blocking)

Constants:
  MOST = 7
  SIGN = \"+\"

Classes:
  Counter
  Counter:up(by: integer)

Messages:
  sum.Add { a: i64 }
      Adds.
  sum.Added

Services:
  example/sum
    sum.Add -> sum.Added
";
        assert_eq!(page(&told), want);
    }
}
