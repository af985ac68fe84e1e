//! Traces that cross nodes: each node tells its part as JSON, and the parts make one tree.
//!
//! The token travels with the messages and spans are random, so parts need nothing but to be put together. What nodes
//! share are names of services, so records say which node noted them.

use gshell_service::builtin::messages::TraceRecords;
use gshell_service::trace::record::Record;
use gshell_wire::{Shape, Value, decode};

use crate::cli::failure::Failure;
use crate::cli::value::{fit, parse, tree};

/// The field in which JSON has the node.
const NODE: &str = "node";

/// A record, and the ID of the node that noted it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    pub node: String,
    pub record: Record,
}

fn wrapped(records: Vec<Record>) -> TraceRecords {
    TraceRecords {
        process: String::new(),
        records,
        dropped: 0,
    }
}

/// An array of records, each with its node.
pub fn json(all: Vec<Noted>) -> Value {
    let (nodes, records): (Vec<_>, Vec<_>) = all.into_iter().map(|noted| (noted.node, noted.record)).unzip();
    let Value::Struct(fields) = tree(&wrapped(records)) else {
        return Value::Unit;
    };
    let found = fields.into_iter().find(|(name, _)| name == "records");
    let Some((_, Value::List(records))) = found else {
        return Value::Unit;
    };
    let with_node = |(record, node)| match record {
        Value::Struct(mut fields) => {
            fields.push((NODE.to_owned(), Value::Str(node)));
            Value::Struct(fields)
        }
        other => other,
    };
    Value::List(records.into_iter().zip(nodes).map(with_node).collect())
}

/// Reads what [`json`] makes.
fn parts(bytes: &[u8]) -> Result<Vec<Noted>, String> {
    let Value::List(mut records) = parse(bytes)? else {
        return Err("it is no array of records".to_owned());
    };
    let nodes: Vec<_> = records.iter_mut().map(take_node).collect();
    let shape = Shape::of::<TraceRecords>();
    let Value::Struct(mut fields) = tree(&wrapped(Vec::new())) else {
        return Err("nothing".to_owned());
    };
    for (name, value) in &mut fields {
        if name == "records" {
            *value = Value::List(std::mem::take(&mut records));
        }
    }
    let mut encoded = Vec::new();
    let value = fit(Value::Struct(fields), &shape).map_err(|error| error.to_string())?;
    value
        .encode(&shape, &mut encoded)
        .map_err(|error| error.to_string())?;
    let all: TraceRecords = decode(&encoded).map_err(|error| error.to_string())?;
    let noted = nodes.into_iter().zip(all.records);
    Ok(noted.map(|(node, record)| Noted { node, record }).collect())
}

/// Takes the node out of a record; empty when it does not say.
fn take_node(record: &mut Value) -> String {
    let Value::Struct(fields) = record else {
        return String::new();
    };
    let Some(at) = fields.iter().position(|(name, _)| name == NODE) else {
        return String::new();
    };
    match fields.remove(at) {
        (_, Value::Str(node)) => node,
        _ => String::new(),
    }
}

/// Adds the records of a file to those that are known; what was read twice counts once.
pub fn add(path: &str, tokens: &[String], all: &mut Vec<Noted>) -> Result<(), Failure> {
    let what = format!("cannot read records from {path}");
    let bytes = std::fs::read(path).map_err(|error| Failure::io(&what, &error))?;
    let read = parts(&bytes)
        .map_err(|why| Failure::usage(format!("{what}: {why} ('gshell mtrace show --json' prints them)")))?;
    join(
        all,
        read.into_iter()
            .filter(|noted| tokens.is_empty() || tokens.iter().any(|token| noted.record.is_of(token))),
    );
    Ok(())
}

/// Adds records that are not known.
pub fn join(all: &mut Vec<Noted>, more: impl Iterator<Item = Noted>) {
    let known = all.len();
    for noted in more {
        if !all[..known].contains(&noted) {
            all.push(noted);
        }
    }
}

/// The records for a tree. When they come from several nodes, names say from which: services have the same there.
pub fn named(all: Vec<Noted>) -> Vec<Record> {
    let several = all.windows(2).any(|pair| pair[0].node != pair[1].node);
    let name = |Noted { node, mut record }| {
        if several {
            record.who = format!("{}@{node}", record.who);
        }
        record
    };
    all.into_iter().map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::value::compact;
    use gshell_service::trace::record::Point;

    fn noted(node: &str, span: &str, parent: &str, point: Point) -> Noted {
        let text = |text: &str| text.to_owned();
        let record = Record {
            token: text("0f1e2d3c4b5a69788796a5b4c3d2.0"),
            span: text(span),
            parent: text(parent),
            point,
            time_us: u64::MAX,
            message: text("m.M"),
            text: text("{ a: \"ü\" }"),
            who: text("example/m"),
            local: text("pid 1"),
            remote: text("tcp:10.0.0.1:1"),
            error: text(""),
        };
        let node = text(node);
        Noted { node, record }
    }

    #[test]
    fn what_one_node_prints_another_reads() {
        let all = vec![
            noted("a", "01", "", Point::ClientSend),
            noted("b", "01", "", Point::ServerRecv),
        ];
        let printed = compact(&json(all.clone()), None);
        assert_eq!(parts(printed.as_bytes()), Ok(all.clone()));
        let names: Vec<_> = named(all.clone()).into_iter().map(|record| record.who).collect();
        assert_eq!(names, ["example/m@a", "example/m@b"]);
        assert_eq!(named(all[..1].to_vec())[0].who, "example/m");
    }

    #[test]
    fn what_is_something_else_says_what_is_wrong() {
        for (wrong, word) in [
            ("{}", "no array"),
            ("[", "EOF"),
            ("[{}]", "records[1]"),
            (
                "[{\"token\": 1}]",
                "records[1].token: expected string, got number",
            ),
        ] {
            let error = parts(wrong.as_bytes()).unwrap_err();
            assert!(error.contains(word), "{wrong}: {error}");
        }
    }
}
