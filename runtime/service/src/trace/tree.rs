//! From records to a tree of calls: by parent spans, never by the order in which things were noted, so calls that
//! interleave and machines whose clocks differ do not mix anything up.

use super::record::{Point, Record};
use gshell_small::Map;

/// One call of a trace.
#[derive(Debug)]
pub struct Call<'a> {
    /// Its span.
    pub span: &'a str,
    /// How many calls are around it.
    pub depth: usize,
    /// Who made the call.
    pub from: &'a str,
    /// Who answered it.
    pub to: &'a str,
    /// What was noted of it, in the order of the points, and of time at each.
    pub records: Vec<&'a Record>,
}

/// A step of a walk through a tree: a call begins, the calls that it led to follow, it ends.
#[derive(Debug)]
pub enum Step<'a> {
    /// What was noted before the calls inside.
    Begin(&'a Call<'a>),
    /// What was noted after them.
    End(&'a Call<'a>),
}

/// The calls of one trace.
#[derive(Debug)]
pub struct Tree<'a> {
    /// Token of the trace.
    pub token: &'a str,
    calls: Vec<Call<'a>>,
    /// Indices of calls: where one begins and where it ends.
    walk: Vec<(usize, bool)>,
}

impl Tree<'_> {
    /// The calls in the order in which they begin.
    pub fn calls(&self) -> &[Call<'_>] {
        &self.calls
    }

    /// The walk through all calls.
    pub fn steps(&self) -> impl Iterator<Item = Step<'_>> {
        self.walk.iter().filter_map(|(at, end)| {
            let call = self.calls.get(*at)?;
            Some(if *end { Step::End(call) } else { Step::Begin(call) })
        })
    }
}

/// The trees of all traces in `records`, by token.
pub fn trees(records: &[Record]) -> Vec<Tree<'_>> {
    // Places are found by bisection everywhere here: sorting is compiled anew for each type, and is large.
    let mut tokens: Vec<(&str, Vec<&Record>)> = Vec::new();
    for record in records {
        match tokens.binary_search_by(|(token, _)| (*token).cmp(&record.token)) {
            Ok(at) => tokens[at].1.push(record),
            Err(at) => tokens.insert(at, (&record.token, vec![record])),
        }
    }
    tokens
        .into_iter()
        .map(|(token, records)| tree(token, &records))
        .collect()
}

#[derive(Default)]
struct Span<'a> {
    parent: &'a str,
    records: Vec<&'a Record>,
    /// With the time of each, by which they are in order.
    children: Vec<Begun<'a>>,
    seen: bool,
}

/// When a call was noted first, and its span.
type Begun<'a> = (u64, Point, &'a str);

fn place<'a>(list: &mut Vec<Begun<'a>>, begun: Begun<'a>) {
    let at = list.partition_point(|other| *other < begun);
    list.insert(at, begun);
}

impl Span<'_> {
    fn time(&self) -> (u64, Point) {
        self.records
            .iter()
            .map(|record| (record.time_us, record.point))
            .min()
            .unwrap_or((0, Point::ClientSend))
    }
}

fn tree<'a>(token: &'a str, records: &[&'a Record]) -> Tree<'a> {
    let mut spans: Map<&str, Span<'_>> = Map::new();
    for record in records {
        let span = spans.get_or(&record.span, Span::default);
        if span.parent.is_empty() {
            span.parent = &record.parent;
        }
        let order = |record: &Record| (record.point, record.time_us);
        let at = span
            .records
            .partition_point(|other| order(other) <= order(record));
        span.records.insert(at, record);
    }
    let all: Vec<(Begun<'_>, &str)> = spans
        .iter()
        .map(|(span, entry)| {
            let (time, point) = entry.time();
            ((time, point, *span), entry.parent)
        })
        .collect();
    let mut roots = Vec::new();
    for (begun, parent) in &all {
        match spans.get_mut(parent) {
            Some(entry) if *parent != begun.2 => place(&mut entry.children, *begun),
            _ => place(&mut roots, *begun),
        }
    }
    let mut walker = Walker {
        spans,
        calls: Vec::new(),
        walk: Vec::new(),
    };
    // Spans that are each other's parents, which nobody honest sends, hang on no root.
    for begun in roots.into_iter().chain(all.iter().map(|(begun, _)| *begun)) {
        walker.visit(begun.2);
    }
    Tree {
        token,
        calls: walker.calls,
        walk: walker.walk,
    }
}

struct Walker<'a> {
    spans: Map<&'a str, Span<'a>>,
    calls: Vec<Call<'a>>,
    walk: Vec<(usize, bool)>,
}

enum Todo<'a> {
    Enter(&'a str, usize, &'a str),
    Leave(usize),
}

impl<'a> Walker<'a> {
    /// Without recursion: how deep the calls go is for others to decide.
    fn visit(&mut self, root: &'a str) {
        let mut todo = vec![Todo::Enter(root, 0, "")];
        while let Some(next) = todo.pop() {
            match next {
                Todo::Leave(at) => self.walk.push((at, true)),
                Todo::Enter(span, depth, around) => {
                    let Some(entry) = self.spans.get_mut(span).filter(|entry| !entry.seen) else {
                        continue;
                    };
                    entry.seen = true;
                    let call = Call {
                        span,
                        depth,
                        from: caller(&entry.records, around),
                        to: answerer(&entry.records),
                        records: std::mem::take(&mut entry.records),
                    };
                    let at = self.calls.len();
                    self.walk.push((at, false));
                    todo.push(Todo::Leave(at));
                    let children = entry.children.iter().rev();
                    todo.extend(children.map(|(.., child)| Todo::Enter(child, depth + 1, call.to)));
                    self.calls.push(call);
                }
            }
        }
    }
}

/// A call that was made in a handler is the service's.
fn caller<'a>(records: &[&'a Record], around: &'a str) -> &'a str {
    if !around.is_empty() {
        return around;
    }
    let client = |record: &&&Record| matches!(record.point, Point::ClientSend | Point::ClientRecv);
    if let Some(record) = records.iter().find(client) {
        return &record.who;
    }
    records.first().map_or("?", |record| &record.remote)
}

fn answerer<'a>(records: &[&'a Record]) -> &'a str {
    let server = |record: &&&Record| matches!(record.point, Point::ServerRecv | Point::ServerSend);
    if let Some(record) = records.iter().find(server) {
        return &record.who;
    }
    records.first().map_or("?", |record| &record.remote)
}
