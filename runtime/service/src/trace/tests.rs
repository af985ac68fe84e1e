//! Trees and diagrams from records that came in any order, from several processes, with clocks that differ.

use super::record::{Point, Record};
use super::render::{Form, render};
use super::tree::trees;

fn note(span: &str, parent: &str, point: Point, time_us: u64, message: &str, who: &str) -> Record {
    Record {
        token: "ab.0".to_owned(),
        span: span.to_owned(),
        parent: parent.to_owned(),
        point,
        time_us,
        message: message.to_owned(),
        text: "{ n: 1 }".to_owned(),
        who: who.to_owned(),
        local: String::new(),
        remote: String::new(),
        error: String::new(),
    }
}

/// A call from `from` to `to` between two times, as both ends note it.
fn call(span: &str, parent: &str, name: &str, from: &str, to: &str, times: [u64; 2]) -> Vec<Record> {
    let reply = format!("{name}Reply");
    vec![
        note(span, parent, Point::ClientSend, times[0], name, from),
        note(span, parent, Point::ServerRecv, times[0] + 1, name, to),
        note(span, parent, Point::ServerSend, times[1] - 1, &reply, to),
        note(span, parent, Point::ClientRecv, times[1], &reply, from),
    ]
}

/// A calls B and C at the same time; both call D, and the calls overlap.
fn four_services() -> Vec<Record> {
    let mut records = call("1", "", "A", "me[7]", "x/a", [100, 900]);
    records.extend(call("2", "1", "B", "group[8]", "x/b", [200, 700]));
    records.extend(call("3", "1", "C", "group[8]", "x/c", [210, 600]));
    records.extend(call("4", "2", "D", "group[9]", "x/d", [300, 500]));
    records.extend(call("5", "3", "D", "group[9]", "x/d", [290, 510]));
    records
}

const LIST: &str = "\
trace ab.0
00:00:00.000100 me[7] calls A { n: 1 }
00:00:00.000101 x/a receives A { n: 1 }
00:00:00.000200     x/a calls B { n: 1 }
00:00:00.000201     x/b receives B { n: 1 }
00:00:00.000300         x/b calls D { n: 1 }
00:00:00.000301         x/d receives D { n: 1 }
00:00:00.000499         x/d answers DReply { n: 1 }
00:00:00.000500         x/b has DReply { n: 1 }
00:00:00.000699     x/b answers BReply { n: 1 }
00:00:00.000700     x/a has BReply { n: 1 }
00:00:00.000210     x/a calls C { n: 1 }
00:00:00.000211     x/c receives C { n: 1 }
00:00:00.000290         x/c calls D { n: 1 }
00:00:00.000291         x/d receives D { n: 1 }
00:00:00.000509         x/d answers DReply { n: 1 }
00:00:00.000510         x/c has DReply { n: 1 }
00:00:00.000599     x/c answers CReply { n: 1 }
00:00:00.000600     x/a has CReply { n: 1 }
00:00:00.000899 x/a answers AReply { n: 1 }
00:00:00.000900 me[7] has AReply { n: 1 }
";

#[test]
fn interleaved_calls_of_four_services_in_any_order() {
    let mut records = four_services();
    for turn in 0..records.len() {
        records.rotate_left(turn);
        let half = records.len() / 2;
        let mixed: Vec<_> = records[..half]
            .iter()
            .zip(&records[half..])
            .flat_map(|(a, b)| [b.clone(), a.clone()])
            .collect();
        assert_eq!(render(&mixed, Form::List), LIST);
    }
}

#[test]
fn a_clock_that_is_off_changes_no_nesting() {
    let mut records = four_services();
    for record in &mut records {
        if record.who.starts_with("x/b") {
            record.time_us += 3_600_000_000;
        }
        if record.who.starts_with("x/d") {
            record.time_us = 1;
        }
    }
    let depths: Vec<_> = trees(&records)[0]
        .calls()
        .iter()
        .map(|call| (call.span.to_owned(), call.depth))
        .collect();
    let mut sorted = depths.clone();
    sorted.sort();
    let wanted = [("1", 0), ("2", 1), ("3", 1), ("4", 2), ("5", 2)];
    assert!(
        sorted
            .iter()
            .map(|(span, depth)| (span.as_str(), *depth))
            .eq(wanted)
    );
    let order: Vec<_> = depths.iter().map(|(span, _)| span.as_str()).collect();
    assert_eq!(order, ["1", "2", "4", "3", "5"]);
}

#[test]
fn diagrams() {
    let mut records = call("1", "", "A", "me[7]", "x/a", [100, 900]);
    records.extend(call("2", "1", "B;#", "group[8]", "x/b", [200, 700]));
    records[6].error = "no\nluck".to_owned();
    let uml = render(&records, Form::PlantUml);
    let wanted = "\
@startuml
title ab.0
participant \"me[7]\" as p0
participant \"x/a\" as p1
participant \"x/b\" as p2
p0 -> p1: 00:00:00.000100 A { n: 1 }
p1 -> p2: 00:00:00.000200 B;# { n: 1 }
p2 --> p1: 00:00:00.000699 error: no luck
p1 --> p0: 00:00:00.000899 AReply { n: 1 }
@enduml
";
    assert_eq!(uml, wanted);
    let wanted = "\
sequenceDiagram
    %% ab.0
    participant p0 as me[7]
    participant p1 as x/a
    participant p2 as x/b
    p0->>p1: 00:00:00.000100 A { n: 1 }
    p1->>p2: 00:00:00.000200 B#59;#35; { n: 1 }
    p2-->>p1: 00:00:00.000699 error: no luck
    p1-->>p0: 00:00:00.000899 AReply { n: 1 }
";
    assert_eq!(render(&records, Form::Mermaid), wanted);
}

#[test]
fn what_is_missing_or_made_up_still_shows() {
    // The service's process was not asked, the parent is unknown, two spans claim each other.
    let mut records = call("1", "gone", "A", "me[7]", "x/a", [100, 900]);
    records.retain(|record| !record.who.starts_with("x/"));
    for record in &mut records {
        record.remote = "pid 9 uid 0".to_owned();
    }
    records.extend(call("2", "3", "B", "m", "x/b", [1, 9]));
    records.extend(call("3", "2", "C", "m", "x/c", [1, 9]));
    records.extend(call("4", "4", "D", "m", "x/d", [1, 9]));
    let trees = trees(&records);
    assert_eq!(trees[0].calls().len(), 4);
    assert_eq!(trees[0].steps().count(), 8);
    let first = trees[0].calls().iter().find(|call| call.span == "1").unwrap();
    assert_eq!((first.from, first.to), ("me[7]", "pid 9 uid 0"));
    assert!(render(&records, Form::List).contains("me[7] calls A"));
    assert_eq!(render(&[], Form::Mermaid), "");
}

#[test]
fn a_very_deep_trace_is_no_danger() {
    let records: Vec<_> = (1..20_000u32)
        .flat_map(|n| call(&n.to_string(), &(n - 1).to_string(), "A", "m", "x/a", [1, 9]))
        .collect();
    assert_eq!(trees(&records)[0].calls().last().unwrap().depth, 19_998);
}
