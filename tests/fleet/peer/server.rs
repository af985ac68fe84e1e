//! The service: checks what it is sent, answers with the next.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use async_channel::Sender;
use gshell_service::{Address, Client, Handlers, Stream, current, rt};
use gshell_wire::{Code, Fault};

use crate::common::{Options, serve_until_stopped};
use crate::messages::{
    All, Big, Exchange, Fail, Item, Poke, Poked, Relay, Relayed, Seen, Total, Watch, Watching,
};
use crate::values::{all, big, wrong_field};

/// Most time for one message, on an emulated processor beside others.
pub const LIMIT: Duration = Duration::from_secs(60);

/// Events that wait for one subscriber.
const EVENTS: usize = 64;

/// Codes that the test lets cross, by the names that scripts have for them.
pub const CODES: [(&str, Code); 8] = [
    ("not_found", Code::NotFound),
    ("exists", Code::Exists),
    ("invalid", Code::Invalid),
    ("denied", Code::Denied),
    ("limit", Code::Limit),
    ("busy", Code::Busy),
    ("state", Code::State),
    ("storage", Code::Storage),
];

/// Who watches, and by which name.
type Watchers = Rc<RefCell<Vec<(String, Sender<u64>)>>>;

fn check(request: &All) -> Result<(), Fault> {
    match wrong_field(request, request.n) {
        None => Ok(()),
        Some(field) => {
            let text = format!("{field} of message {} is wrong: {request:?}", request.n);
            Err(Fault::new(Code::BadMessage, text))
        }
    }
}

async fn check_all(request: All) -> Result<All, Fault> {
    check(&request)?;
    Ok(all(request.n.wrapping_add(1)))
}

async fn check_big(request: Big) -> Result<Big, Fault> {
    match request == big(request.n) {
        true => Ok(big(request.n.wrapping_add(1))),
        false => Err(Fault::new(
            Code::BadMessage,
            format!("big message {} is wrong", request.n),
        )),
    }
}

async fn exchange(request: Exchange, stream: Stream) -> Result<(), Fault> {
    let numbers = (0..request.count).map(|i| request.from.wrapping_add(i.into()));
    for n in numbers.clone() {
        stream.send(Item { body: all(n) }).await?;
    }
    let (mut right, mut wrong) = (0, 0);
    for n in numbers {
        let Some(message) = stream.recv_timeout(LIMIT).await? else {
            break;
        };
        match wrong_field(&message.decode::<Item>()?.body, n) {
            None => right += 1,
            Some(_) => wrong += 1,
        }
    }
    stream.send(Total { right, wrong }).await
}

async fn watch(watchers: Watchers, request: Watch, stream: Stream) -> Result<(), Fault> {
    let (sender, events) = async_channel::bounded(EVENTS);
    watchers.borrow_mut().push((request.who, sender));
    stream.send(Watching {}).await?;
    while let Ok(n) = events.recv().await {
        stream.send(Seen { n }).await?;
    }
    Ok(())
}

fn poke(watchers: &Watchers, request: &Poke) -> Poked {
    let mut watchers = watchers.borrow_mut();
    watchers.retain(|(_, sender)| !sender.is_closed());
    let mine = watchers.iter().filter(|(who, _)| *who == request.who);
    let told = mine.filter(|(_, sender)| sender.try_send(request.n).is_ok());
    Poked {
        watchers: told.count() as u32,
    }
}

async fn fail(request: Fail) -> Result<Total, Fault> {
    let code = CODES.iter().find(|(name, _)| *name == request.code);
    let code = code.map_or(Code::Internal, |(_, code)| *code);
    Err(Fault::new(code, request.message))
}

async fn pass_on(mut branch: Vec<String>) -> Result<Vec<String>, Fault> {
    let rest = branch.split_off(1);
    let client: Client = Address::parse(&branch.concat())?.connect(None).await?;
    let branches = if rest.is_empty() { Vec::new() } else { vec![rest] };
    let relayed: Relayed = client.request(Relay { branches }).timeout(LIMIT).send().await?;
    Ok(relayed.by)
}

async fn relay(name: String, request: Relay) -> Result<Relayed, Fault> {
    let branches = request.branches.into_iter().filter(|branch| !branch.is_empty());
    let tasks: Vec<_> = branches
        .map(|branch| rt::spawn(current::scoped(current::scope(), pass_on(branch))))
        .collect();
    if tasks.is_empty() {
        return Ok(Relayed { by: vec![name] });
    }
    let mut by = Vec::new();
    for task in tasks {
        by.extend(task.await?.iter().map(|further| format!("{name}>{further}")));
    }
    Ok(Relayed { by })
}

/// Serves until it is told to stop.
pub async fn run(options: &Options) -> Result<(), Fault> {
    let name: String = options.value("name", "rust".to_owned())?;
    let watchers = Watchers::default();
    let (for_watch, own_name) = (watchers.clone(), name.clone());
    let handlers = Handlers::new()
        .on(|request: All, _| check_all(request))
        .on(|request: Big, _| check_big(request))
        .on(|request: Fail, _| fail(request))
        .on(move |request: Poke, _| {
            let poked = poke(&watchers, &request);
            async move { Ok(poked) }
        })
        .on(move |request: Relay, _| relay(own_name.clone(), request))
        .on_stream(|request: Exchange, stream, _| exchange(request, stream))
        .on_stream(move |request: Watch, stream, _| watch(for_watch.clone(), request, stream))
        .sends::<Item>()
        .sends::<Total>()
        .sends::<Watching>()
        .sends::<Seen>();
    serve_until_stopped(options.publish(&format!("fleet.{name}"), handlers)?).await
}
