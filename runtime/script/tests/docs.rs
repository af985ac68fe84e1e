//! The pages of `docs/lua` and the annotations beside them: their examples run, and they tell of all functions
//! there are, and of no others.

mod scripts;

use std::collections::BTreeSet;

use gshell_script::Outcome;

const MODULES: [&str; 7] = ["gshell", "fs", "json", "log", "proc", "process", "time"];
/// The page that tells of a further part of the module `gshell`.
const SERVICES: &str = "services";

/// Lua examples of a page, with the line that each starts after.
fn examples(page: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (index, line) in page.lines().enumerate() {
        match (&mut open, line) {
            (None, "```lua") => open = Some((index + 1, String::new())),
            (Some(_), "```") => found.extend(open.take()),
            (Some((_, text)), line) => {
                text.push_str(line);
                text.push('\n');
            }
            _ => {}
        }
    }
    assert!(open.is_none(), "an example has no end");
    found
}

/// Names that the headings of a page are about: "fs.read", "watch:next", "json.null".
fn headings(page: &str) -> BTreeSet<String> {
    let names = page.lines().filter_map(|line| line.strip_prefix("### `"));
    names
        .map(|rest| rest.split(['(', '`', ' ']).next().unwrap_or_default().to_owned())
        .collect()
}

/// Names that annotations define; fields of a class under the name of the variable that follows it.
fn annotated(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut fields: Vec<String> = Vec::new();
    for line in text.lines() {
        if let Some(name) = line
            .strip_prefix("function ")
            .and_then(|rest| rest.split('(').next())
        {
            names.insert(name.to_owned());
        } else if let Some(rest) = line.strip_prefix("---@field ") {
            fields.extend(rest.split([' ', '?']).next().map(str::to_owned));
        } else if let Some(rest) = line.strip_prefix("local ") {
            let variable = rest.split(' ').next().unwrap_or_default();
            names.extend(fields.drain(..).map(|field| format!("{variable}.{field}")));
        } else if line.is_empty() {
            fields.clear();
        }
    }
    names
}

fn page(module: &str) -> String {
    scripts::read(&format!("docs/lua/{module}.md"))
}

/// All that is told of a module.
fn pages(module: &str) -> String {
    match module {
        "gshell" => page(module) + &page(SERVICES),
        _ => page(module),
    }
}

fn annotation_file(name: &str) -> String {
    scripts::read(&format!("docs/lua/annotations/{name}.lua"))
}

fn annotations(module: &str) -> String {
    match module {
        "gshell" => annotation_file(module) + &annotation_file(SERVICES),
        _ => annotation_file(module),
    }
}

/// What the module's table holds: "fs.read".
fn exported(module: &str) -> BTreeSet<String> {
    let require = if module == "gshell" {
        module.to_owned()
    } else {
        format!("gshell.{module}")
    };
    let text = format!("for name in pairs(require '{require}') do print('{module}.' .. name) end");
    let ran = scripts::run("walk.lua", &text, &[]);
    assert_eq!(ran.outcome, Outcome::Ok, "{}", ran.err);
    ran.out.lines().map(str::to_owned).collect()
}

#[test]
fn every_example_runs() {
    for module in MODULES.iter().copied().chain(["README", SERVICES]) {
        for (line, text) in examples(&page(module)) {
            let ran = scripts::run("example.lua", &text, &[]);
            assert_eq!(
                ran.outcome,
                Outcome::Ok,
                "docs/lua/{module}.md, line {line}: {}",
                ran.err
            );
        }
    }
}

#[test]
fn pages_and_annotations_tell_of_all_functions_and_no_others() {
    for module in MODULES {
        let (exported, page, annotations) = (
            exported(module),
            headings(&pages(module)),
            annotated(&annotations(module)),
        );
        let of_module = |names: &BTreeSet<String>| -> BTreeSet<String> {
            names
                .iter()
                .filter(|name| name.starts_with(&format!("{module}.")))
                .cloned()
                .collect()
        };
        assert!(!exported.is_empty());
        assert_eq!(of_module(&page), exported, "docs/lua/{module}.md");
        assert_eq!(
            of_module(&annotations),
            exported,
            "docs/lua/annotations/{module}.lua"
        );
        // Methods of objects: the same on both sides.
        let difference: Vec<_> = page.symmetric_difference(&annotations).collect();
        assert!(
            difference.is_empty(),
            "only on the page or only in the annotations of {module}: {difference:?}"
        );
    }
}

#[test]
fn every_function_is_used_in_an_example() {
    let mut missing = Vec::new();
    for module in MODULES {
        let page = pages(module);
        let text: String = examples(&page).into_iter().map(|(_, text)| text).collect();
        for name in headings(&page) {
            // Objects have other names in examples than in headings.
            let (object, member) = name.split_once([':', '.']).unwrap_or_default();
            let spellings = match object == module {
                true => vec![name.clone()],
                false => vec![format!(":{member}"), format!(".{member}")],
            };
            if !spellings.iter().any(|spelling| text.contains(spelling)) {
                missing.push(name);
            }
        }
    }
    assert!(missing.is_empty(), "no example uses {missing:?}");
}

/// Objects of a service that is published over TCP, a name that others do not have.
const SERVED: &str = "(function()
    local gshell = require 'gshell'
    local M = gshell.message 'doc.M'
    local stream
    local server = gshell.server { publisher = 'doc' }
    local service = server:publish('methods', { [M] = function(_, s) stream = s return M {} end }, { tcp = '127.0.0.1:0' })
    local conn = gshell.connect('tcp:' .. service.tcp)
    conn:call(M {})
    return { service = service, conn = conn, stream = stream }
end)().";

/// What headings say of objects is there: each is looked up in a real one.
#[test]
fn documented_methods_exist() {
    let objects = [
        ("watch", "require 'gshell.fs'.watch '/'"),
        ("child", "require 'gshell.process'.spawn 'exit 0'"),
        ("sampler", "require 'gshell.proc'.sampler()"),
        ("logger", "require 'gshell.log'.logger 'x'"),
        ("task", "require 'gshell'.spawn(function() end)"),
        ("channel", "require 'gshell'.channel(1)"),
        ("timer", "require 'gshell'.every(1000, function() end)"),
        ("message", "require 'gshell'.message 'doc.M'"),
        ("types", "require 'gshell'.types"),
        ("trace", "require 'gshell'.trace"),
        ("server", "require 'gshell'.server { publisher = 'doc' }"),
        ("service", &format!("{SERVED}service")),
        ("conn", &format!("{SERVED}conn")),
        ("stream", &format!("{SERVED}stream")),
    ];
    let names: BTreeSet<String> = MODULES
        .iter()
        .flat_map(|module| headings(&pages(module)))
        .collect();
    for name in names {
        let (object, member) = name.split_once([':', '.']).unwrap_or_default();
        if MODULES.contains(&object) {
            continue;
        }
        let (_, make) = objects.iter().find(|(known, _)| *known == object).expect(object);
        let text = format!("local object = {make}; assert(object.{member} ~= nil); os.exit(0)");
        let ran = scripts::run("method.lua", &text, &[]);
        assert_eq!(ran.outcome, Outcome::Exit(0), "{name}: {}", ran.err);
    }
}

/// Annotations are Lua files; a slip in one would silence an editor.
#[test]
fn annotations_are_lua() {
    for module in MODULES.iter().copied().chain([SERVICES]) {
        let text = annotation_file(module);
        assert!(text.starts_with("---@meta gshell"), "{module}");
        let ran = scripts::run("annotation.lua", &text, &[]);
        assert_eq!(ran.outcome, Outcome::Ok, "{module}: {}", ran.err);
    }
}
