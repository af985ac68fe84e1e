//! The echo service.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use async_channel::Sender;
use gshell_service::{Admission, Context, Handlers, Peer, Stream, rt};
use gshell_wire::Fault;

use crate::SERVICE;
use crate::common::{Options, serve_until_stopped};
use crate::messages::{Clients, Joined, Reply, Request, SubWhoElseEvent, Subscribed, WhoElse};

/// Events that wait for one subscriber; one that does not read loses what comes beyond them.
const EVENTS: usize = 64;

/// What the handlers share. They run on one thread, so no lock is needed.
#[derive(Default)]
struct Shared {
    clients: RefCell<Vec<String>>,
    subscribers: RefCell<Vec<Sender<String>>>,
    streams: Cell<u32>,
    requests: Cell<u32>,
}

/// The number of a stream, kept with it.
struct Number(u32);

impl Shared {
    async fn echo(
        self: Rc<Self>,
        request: Request,
        context: Context,
        delay: Duration,
    ) -> Result<Reply, Fault> {
        self.requests.set(self.requests.get() + 1);
        let number = context.vars().get_or(|| {
            self.streams.set(self.streams.get() + 1);
            Number(self.streams.get())
        });
        rt::sleep(delay).await;
        Ok(Reply {
            msg: format!("{}!", request.msg),
            num: request.num.wrapping_add(1),
            signature: format!("yours {SERVICE} from {}", number.0),
        })
    }

    /// Tells a subscriber of new connections. Dropped with its stream.
    async fn subscription(self: Rc<Self>, stream: Stream) -> Result<(), Fault> {
        let (sender, events) = async_channel::bounded(EVENTS);
        self.subscribers.borrow_mut().push(sender);
        stream.send(Subscribed { status: 0 }).await?;
        while let Ok(who) = events.recv().await {
            stream.send(Joined { who }).await?;
        }
        Ok(())
    }

    fn joined(&self, who: &Peer) {
        // Who has gone is forgotten here; who is too slow misses this one.
        self.subscribers.borrow_mut().retain(|sender| !sender.is_closed());
        for sender in self.subscribers.borrow().iter() {
            let _ = sender.try_send(who.text.clone());
        }
        self.clients.borrow_mut().push(who.text.clone());
    }

    fn left(&self, who: &Peer) {
        let mut clients = self.clients.borrow_mut();
        if let Some(place) = clients.iter().position(|known| *known == who.text) {
            clients.remove(place);
        }
    }
}

/// Serves until it is told to stop.
pub async fn run(options: &Options) -> Result<(), Fault> {
    let delay = Duration::from_millis(options.value("delay", 500)?);
    let shared = Rc::<Shared>::default();
    let [echo, who, events, come, gone] = std::array::from_fn(|_| shared.clone());
    let handlers = Handlers::new()
        .on(move |request: Request, context| echo.clone().echo(request, context, delay))
        .on(move |_: WhoElse, _| {
            let clients = who.clients.borrow().join(" ");
            async move { Ok(Clients { clients }) }
        })
        .on_stream(move |_: SubWhoElseEvent, stream, _| events.clone().subscription(stream))
        .sends::<Subscribed>()
        .sends::<Joined>()
        .on_connect(move |peer| {
            come.joined(peer);
            Admission::Accept
        })
        .on_disconnect(move |peer| gone.left(peer));
    serve_until_stopped(options.publish(SERVICE, handlers)?).await?;
    println!("echo server has served {} requests", shared.requests.get());
    Ok(())
}
