//! A trace through four services of which calls interleave. The tags and records are of the process, so all of this is
//! one test.

#![allow(clippy::unwrap_used)] // helpers of tests fail as tests do

mod common;

use std::rc::Rc;
use std::time::Duration;

use common::{Dir, publish, run};
use gshell_service::builtin::messages::{
    TraceDropped, TraceFilter, TraceList, TracePurge, TraceRead, TraceRecords, TraceTag, TraceTagged,
    TraceTags, TraceUntag,
};
use gshell_service::trace::record::{Point, Record};
use gshell_service::trace::render::{Form, render};
use gshell_service::trace::set_process_name;
use gshell_service::trace::tree::trees;
use gshell_service::{Client, Handlers, Scopes, Timeout, blocking, current, discover, rt, unix};
use gshell_wire::{Code, Fault, Message};
use serde::{Deserialize, Serialize};

macro_rules! message {
    ($name:ident, $text:literal) => {
        #[derive(Debug, Clone, Serialize, Deserialize, Message)]
        #[message(name = $text)]
        struct $name {
            n: u32,
            who: String,
        }

        impl From<u32> for $name {
            fn from(n: u32) -> $name {
                let who = "tracer".to_owned();
                $name { n, who }
            }
        }
    };
}

message!(A, "t.A");
message!(B, "t.B");
message!(C, "t.C");
message!(D, "t.D");
message!(Done, "t.Done");

async fn connect(dir: &Dir, name: &str, scopes: Scopes) -> Rc<Client> {
    let node = dir.node();
    let search = discover(&node, "test", name).scopes(scopes);
    Rc::new(search.timeout(Timeout::Once).one().await.unwrap())
}

async fn tag(
    client: &Client,
    name: &str,
    count: u32,
    filters: &[(&str, &str)],
) -> Result<TraceTagged, Fault> {
    let filters = filters.iter().map(|(path, pattern)| TraceFilter {
        path: (*path).to_owned(),
        pattern: (*pattern).to_owned(),
    });
    client
        .call(TraceTag {
            name: name.to_owned(),
            count,
            filters: filters.collect(),
            token: String::new(),
        })
        .await
}

async fn read(client: &Client, token: &str, clear: bool) -> Vec<Record> {
    let read: TraceRecords = client
        .call(TraceRead {
            token: token.to_owned(),
            clear,
        })
        .await
        .unwrap();
    assert!(read.process.starts_with("tests["), "{}", read.process);
    read.records
}

/// Who calls whom, as depths and names in the order of the tree.
fn outline(records: &[Record]) -> Vec<String> {
    let trees = trees(records);
    let calls = trees.iter().flat_map(|tree| tree.calls());
    calls
        .map(|call| {
            let name = &call.records[0].message;
            assert_eq!(call.records.len(), 4, "{:?}", call.records);
            let points: Vec<_> = call.records.iter().map(|record| record.point).collect();
            let all = [
                Point::ClientSend,
                Point::ServerRecv,
                Point::ServerSend,
                Point::ClientRecv,
            ];
            assert_eq!(points, all);
            format!("{}{} {}>{}", " ".repeat(call.depth), name, call.from, call.to)
        })
        .collect()
}

#[test]
fn a_trace_through_four_services() {
    run(async {
        set_process_name("tests");
        let dir = Dir::new("tracing");
        let d = Handlers::new().on_blocking(|d: D, caller| {
            assert!(caller.trace().is_some() == current::scope().trace.is_some());
            std::thread::sleep(Duration::from_millis(u64::from(d.n) % 7));
            match d.n {
                13 => Err(Fault::new(Code::Invalid, "bad luck")),
                n => Ok(Done::from(n)),
            }
        });
        let _d = publish(&dir.node(), "d", d, Scopes::OS);
        let to_d = connect(&dir, "d", Scopes::OS).await;
        let (for_b, path_d) = (to_d.clone(), unix::socket_path(&dir.0, "test", "d"));
        let b = Handlers::new().on(move |b: B, _| {
            let d = for_b.clone();
            async move {
                rt::sleep(Duration::from_millis(u64::from(b.n) % 5)).await;
                d.call::<_, Done>(D::from(b.n)).await
            }
        });
        // C is on a thread of its own and calls with a client that blocks.
        let c = Handlers::new().on_blocking(move |c: C, _| {
            let mut client = blocking::Client::connect(&path_d)?;
            client.call::<_, Done>(&D::from(c.n), None)
        });
        let _b = publish(&dir.node(), "b", b, Scopes::PROCESS);
        let _c = publish(&dir.node(), "c", c, Scopes::OS);
        let (to_b, to_c) = (
            connect(&dir, "b", Scopes::PROCESS).await,
            connect(&dir, "c", Scopes::OS).await,
        );
        let a = Handlers::new().on(move |a: A, context| {
            let (b, c) = (to_b.clone(), to_c.clone());
            async move {
                // One in a task of its own, both at the same time.
                let scope = context.scope();
                let n = a.n;
                let task = rt::spawn(current::scoped(scope, async move {
                    b.call::<_, Done>(B::from(n)).await
                }));
                let done = c.call::<_, Done>(C::from(n)).await;
                task.await?;
                done
            }
        });
        let _a = publish(&dir.node(), "a", a, Scopes::OS);
        let client = connect(&dir, "a", Scopes::OS).await;

        // Nothing is tagged: nothing is noted.
        client.call::<_, Done>(A::from(1)).await.unwrap();
        assert_eq!(read(&client, "", false).await, []);
        let fault = tag(&client, "t.A", 0, &[]).await.unwrap_err();
        assert_eq!(fault.code(), Some(Code::Invalid));

        let tagged = tag(&client, "t.A", 8, &[("n", "2*"), ("who", "tr*r")])
            .await
            .unwrap();
        assert_eq!((tagged.left, tagged.token.len()), (8, 28));
        let tasks: Vec<_> = [20, 21, 22, 3, 23, 24, 25, 26, 27, 28]
            .into_iter()
            .map(|n| {
                let client = client.clone();
                rt::spawn(async move { client.call::<_, Done>(A::from(n)).await.unwrap().n })
            })
            .collect();
        for task in tasks {
            task.await;
        }
        let records = read(&client, &tagged.token, false).await;
        assert_eq!(trees(&records).len(), 8, "as many as were tagged");
        for n in 0..8 {
            let token = format!("{}.{n}", tagged.token);
            let records = read(&client, &token, true).await;
            let outline = outline(&records);
            let wanted = [
                "t.A tests>test/a",
                " t.B test/a>test/b",
                "  t.D test/b>test/d",
                " t.C test/a>test/c",
                "  t.D test/c>test/d",
            ];
            let mut sorted = outline.clone();
            sorted.sort();
            let mut all: Vec<_> = wanted
                .iter()
                .map(|line| line.replace("tests>", &format!("tests[{}]>", std::process::id())))
                .collect();
            all.sort();
            assert_eq!(sorted, all);
            // Each D is under its own caller, whichever of the two was first.
            for pair in [["  t.D test/b>test/d", " t.B"], ["  t.D test/c>test/d", " t.C"]] {
                let at = outline.iter().position(|line| line == pair[0]).unwrap();
                assert!(outline[at - 1].starts_with(pair[1]), "{outline:?}");
            }
            let first = records.iter().find(|record| record.message == "t.A").unwrap();
            assert!(
                first.text.contains("tracer") && first.text.contains("n"),
                "{}",
                first.text
            );
            let diagram = render(&records, Form::Mermaid);
            assert_eq!(diagram.matches("->>").count(), 10, "{diagram}");
        }
        assert_eq!(read(&client, &tagged.token, false).await, []);

        // An error shows, and so does a further tag under the same name.
        let again = tag(&client, "t.A", 1, &[]).await.unwrap();
        assert_eq!((again.token.as_str(), again.used), (tagged.token.as_str(), 8));
        client.call::<_, Done>(A::from(13)).await.unwrap_err();
        let records = read(&client, "", false).await;
        let errors = records.iter().filter(|record| record.error == "bad luck").count();
        assert_eq!(errors, 10, "two points of each of five calls");
        let list = render(&records, Form::List);
        assert!(list.contains("error: bad luck"), "{list}");

        let tags: TraceTags = client.call(TraceList {}).await.unwrap();
        assert_eq!((tags.tags.len(), tags.tags[0].left, tags.tags[0].used), (1, 0, 9));
        let untag = TraceUntag { name: "*".to_owned() };
        assert_eq!(client.call::<_, TraceDropped>(untag).await.unwrap().count, 1);
        let purged: TraceDropped = client.call(TracePurge {}).await.unwrap();
        assert_eq!(purged.count as usize, records.len());
        assert_eq!(read(&client, "", false).await, []);
    });
}
