//! A trace through four services in two groups, with calls that interleave: the tree is that of the calls.

use std::collections::BTreeMap;

use gshell_tests::Node;
use serde_json::Value;

const SERVICES: &str = r#"
local gshell = require "gshell"
local Ask = gshell.message("chain.Ask", "{ path: string }")
local Said = gshell.message("chain.Said", "{ path: string }")
local server = gshell.server { publisher = "chain" }
-- Each service asks those that follow it, all at once.
local follow = { a = { "b", "c" }, b = { "d" }, c = { "d" }, d = {} }
local function ask(name, path)
  local conn <close> = gshell.discover("chain", name, { timeout = 5 })
  return conn:call(Ask, { path = path }).path
end
for name in arg[1]:gmatch "%a" do
  server:publish(name, { [Ask] = { function(req)
    local tasks = {}
    for i, next in ipairs(follow[name]) do
      tasks[i] = gshell.spawn(ask, next, req.path .. name)
    end
    local got = {}
    for i, task in ipairs(tasks) do got[i] = task:join() end
    return Said { path = #got > 0 and table.concat(got, ",") or req.path .. name }
  end, reply = Said } })
end
print "up"
server:serve()
"#;

/// Two calls at once, both traced.
const CLIENT: &str = r#"
    local gshell = require "gshell"
    local Ask = gshell.message("chain.Ask", "{ path: string }")
    local token = gshell.trace.tag("chain.Ask", { count = 2 })
    local tasks = {}
    for i = 1, 2 do
      tasks[i] = gshell.spawn(function()
        local conn <close> = gshell.discover("chain", "a", { timeout = 20 })
        return conn:call(Ask, { path = tostring(i) }).path
      end)
    end
    for _, task in ipairs(tasks) do print(task:join()) end
    print("token " .. token)
    gshell.on_stop(function() end)
    gshell.sleep(1000)
"#;

fn text<'a>(record: &'a Value, field: &str) -> &'a str {
    record[field].as_str().unwrap()
}

/// For each request that a service received: who received it, and the path that was asked for, from the outermost on.
fn chains(records: &[Value]) -> Vec<String> {
    let at = |point: &'static str| records.iter().filter(move |record| record["point"] == point);
    let parents: BTreeMap<&str, &str> = at("ClientSend")
        .map(|record| (text(record, "span"), text(record, "parent")))
        .collect();
    let servers: BTreeMap<&str, &str> = at("ServerRecv")
        .map(|record| (text(record, "span"), text(record, "who")))
        .collect();
    let mut found: Vec<String> = at("ServerRecv")
        .map(|record| {
            let (mut span, mut names) = (text(record, "span"), Vec::new());
            while let Some(who) = servers.get(span) {
                names.push(who.strip_prefix("chain/").unwrap());
                span = parents.get(span).copied().unwrap_or_default();
            }
            names.reverse();
            format!("{} {}", names.concat(), text(record, "text"))
        })
        .collect();
    found.sort();
    found
}

/// Who asks whom in a diagram, from top to bottom.
fn arrows(diagram: &str) -> Vec<String> {
    let names: BTreeMap<&str, &str> = diagram
        .lines()
        .filter_map(|line| line.strip_prefix("participant \"")?.split_once("\" as "))
        .map(|(name, short)| (short, name.strip_prefix("chain/").unwrap_or("client")))
        .collect();
    let calls = diagram
        .lines()
        .filter_map(|line| line.split_once(": ")?.0.split_once(" -> "));
    calls
        .map(|(from, to)| format!("{} {}", names[from], names[to]))
        .collect()
}

#[test]
fn four_services_in_two_groups_give_the_tree_of_the_calls() {
    let node = Node::start();
    for (group, services) in [("one", "ac"), ("two", "bd")] {
        let id = node.run_script(&["-g", group], SERVICES, &[services]);
        node.wait_log(&id, "up");
    }
    let client = node.run_script(&["-g", "client"], CLIENT, &[]);
    let log = node.wait_log(&client, "token ");
    for path in ["1abd,1acd", "2abd,2acd"] {
        assert!(log.contains(path), "{log}");
    }
    let token = log
        .lines()
        .find_map(|line| line.strip_prefix("token "))
        .unwrap()
        .trim();
    for call in 0..2 {
        let shown = node.ok(&["mtrace", "show", "--keep", "--json", &format!("{token}.{call}")]);
        let records: Vec<Value> = serde_json::from_str(&shown).unwrap();
        let n = text(&records[0], "text")
            .chars()
            .find(char::is_ascii_digit)
            .unwrap();
        let want = ["a", "ab", "abd", "ac", "acd"].map(|chain| {
            let asked = &chain[..chain.len() - 1];
            format!(r#"{chain} {{ path: "{n}{asked}" }}"#)
        });
        assert_eq!(chains(&records), want, "{shown}");
        // All four records of each of the five calls are there.
        assert_eq!(records.len(), 5 * 4, "{shown}");
        let diagram = node.ok(&[
            "mtrace",
            "show",
            "--keep",
            "--plantuml",
            &format!("{token}.{call}"),
        ]);
        // Which of the two asks first is up to their scheduling; each comes with what it asked.
        let arrows = arrows(&diagram);
        let by_b = ["client a", "a b", "b d", "a c", "c d"];
        let by_c = ["client a", "a c", "c d", "a b", "b d"];
        assert!(arrows == by_b || arrows == by_c, "{diagram}");
    }
}
