//! Trees of calls as text: a list, and sequence diagrams for PlantUML and Mermaid.

use std::fmt::Write;

use super::record::{Point, Record};
use super::tree::{Call, Step, Tree, trees};

/// How a trace is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A line for each record, indented by depth.
    List,
    /// A PlantUML sequence diagram.
    PlantUml,
    /// A Mermaid sequence diagram.
    Mermaid,
}

/// All traces of `records` as text.
pub fn render(records: &[Record], form: Form) -> String {
    let mut out = String::new();
    for tree in trees(records) {
        match form {
            Form::List => list(&tree, &mut out),
            Form::PlantUml => plant_uml(&tree, &mut out),
            Form::Mermaid => mermaid(&tree, &mut out),
        }
    }
    out
}

/// Time of day, in UTC: the machines of a trace may be anywhere.
fn time(micros: u64) -> String {
    let seconds = micros / 1_000_000;
    format!(
        "{:02}:{:02}:{:02}.{:06}",
        seconds / 3600 % 24,
        seconds / 60 % 60,
        seconds % 60,
        micros % 1_000_000
    )
}

/// Depth beyond which lines are not indented further.
const DEEPEST: usize = 20;

fn is_first_half(record: &Record) -> bool {
    matches!(record.point, Point::ClientSend | Point::ServerRecv)
}

fn list(tree: &Tree<'_>, out: &mut String) {
    let _ = writeln!(out, "trace {}", tree.token);
    for step in tree.steps() {
        let (call, first) = match step {
            Step::Begin(call) => (call, true),
            Step::End(call) => (call, false),
        };
        for record in call
            .records
            .iter()
            .filter(|record| is_first_half(record) == first)
        {
            line(call, record, out);
        }
    }
}

fn line(call: &Call<'_>, record: &Record, out: &mut String) {
    let who = match record.point {
        Point::ClientSend | Point::ClientRecv => call.from,
        Point::ServerRecv | Point::ServerSend => call.to,
    };
    let _ = write!(
        out,
        "{} {:indent$}{} {} {}",
        time(record.time_us),
        "",
        one_line(who),
        record.point.word(),
        one_line(&what(record)),
        indent = call.depth.min(DEEPEST) * 4,
    );
    if !record.local.is_empty() || !record.remote.is_empty() {
        let _ = write!(
            out,
            " | {} <--> {} |",
            one_line(&record.local),
            one_line(&record.remote)
        );
    }
    out.push('\n');
}

/// Message and fields, or the error.
fn what(record: &Record) -> String {
    if !record.error.is_empty() {
        return format!("error: {}", record.error);
    }
    match record.text.is_empty() {
        true => record.message.clone(),
        false => format!("{} {}", record.message, record.text),
    }
}

fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// An arrow of a diagram.
struct Arrow {
    from: usize,
    to: usize,
    answer: bool,
    text: String,
}

/// The participants in the order of their appearance, and the arrows between them.
fn sequence(tree: &Tree<'_>) -> (Vec<String>, Vec<Arrow>) {
    let mut names: Vec<String> = Vec::new();
    let mut place = |name: &str| match names.iter().position(|known| known == name) {
        Some(at) => at,
        None => {
            names.push(name.to_owned());
            names.len() - 1
        }
    };
    let mut arrows = Vec::new();
    for step in tree.steps() {
        let (call, answer) = match step {
            Step::Begin(call) => (call, false),
            Step::End(call) => (call, true),
        };
        let (from, to) = (place(call.from), place(call.to));
        // Each message once: where it was sent, or where it came if that was not noted.
        let points = match answer {
            false => [Point::ClientSend, Point::ServerRecv],
            true => [Point::ServerSend, Point::ClientRecv],
        };
        let noted = |point: Point| call.records.iter().filter(move |record| record.point == point);
        let side = match noted(points[0]).count() >= noted(points[1]).count() {
            true => points[0],
            false => points[1],
        };
        for record in noted(side) {
            let (from, to) = if answer { (to, from) } else { (from, to) };
            arrows.push(Arrow {
                from,
                to,
                answer,
                text: format!("{} {}", time(record.time_us), what(record)),
            });
        }
    }
    (names, arrows)
}

fn plant_uml(tree: &Tree<'_>, out: &mut String) {
    let (names, arrows) = sequence(tree);
    let _ = writeln!(out, "@startuml\ntitle {}", tree.token);
    for (at, name) in names.iter().enumerate() {
        let _ = writeln!(
            out,
            "participant \"{}\" as p{at}",
            one_line(name).replace('"', "'")
        );
    }
    for Arrow {
        from,
        to,
        answer,
        text,
    } in arrows
    {
        let arrow = if answer { "-->" } else { "->" };
        // A backslash would begin an escape.
        let _ = writeln!(
            out,
            "p{from} {arrow} p{to}: {}",
            one_line(&text).replace('\\', "/")
        );
    }
    out.push_str("@enduml\n");
}

fn mermaid(tree: &Tree<'_>, out: &mut String) {
    let (names, arrows) = sequence(tree);
    // What Mermaid takes for the end of a statement or the start of an entity.
    let plain = |text: &str| {
        let mut out = String::new();
        for c in one_line(text).chars() {
            match c {
                '#' => out.push_str("#35;"),
                ';' => out.push_str("#59;"),
                '<' => out.push_str("#lt;"),
                '>' => out.push_str("#gt;"),
                c => out.push(c),
            }
        }
        out
    };
    let _ = writeln!(out, "sequenceDiagram\n    %% {}", tree.token);
    for (at, name) in names.iter().enumerate() {
        let _ = writeln!(out, "    participant p{at} as {}", plain(name));
    }
    for Arrow {
        from,
        to,
        answer,
        text,
    } in arrows
    {
        let arrow = if answer { "-->>" } else { "->>" };
        let _ = writeln!(out, "    p{from}{arrow}p{to}: {}", plain(&text));
    }
}
