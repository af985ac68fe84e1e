//! Handlers of bytes that send and receive on the stream of their request, on a thread.
//!
//! The thread asks, one thing after the other, and the task of the request does it: the stream belongs to the thread of the
//! connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use async_channel::{Receiver, Sender};
use gshell_net::rt;
use gshell_session::Head;
use gshell_wire::{Code, Fault};

use super::kept;
use crate::context::Context;
use crate::entry::Start;
use crate::handlers::accompany;
use crate::payload::Encoded;
use crate::{current, trace};

type Handler = Arc<dyn Fn(&[u8], &mut ByteStream) -> Result<(), Fault> + Send + Sync>;

/// What the thread asks for.
enum Ask {
    Send(u64, &'static str, Vec<u8>),
    Receive(Option<Duration>),
}

/// What it gets. A message that was sent has none.
type Answer = Result<Option<(u64, Vec<u8>)>, Fault>;

/// The stream of a request, for a thread that may block.
pub struct ByteStream {
    ask: Sender<Ask>,
    answers: Receiver<Answer>,
    cancelled: Arc<AtomicBool>,
}

impl ByteStream {
    /// Sends a message, waiting for room.
    ///
    /// # Errors
    /// When the peer is gone.
    pub fn send(&mut self, key: u64, name: &'static str, bytes: &[u8]) -> Result<(), Fault> {
        self.ask(Ask::Send(key, name, bytes.to_vec())).map(drop)
    }

    /// Waits for a message: its key and its bytes; `None` when the peer sends no more. Without a limit, as long as the
    /// stream lives.
    ///
    /// # Errors
    /// When none came in time (code `Timeout`), the peer sent an error, or is gone.
    pub fn receive(&mut self, limit: Option<Duration>) -> Answer {
        self.ask(Ask::Receive(limit))
    }

    /// Whether the stream is gone.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Relaxed)
    }

    fn ask(&mut self, what: Ask) -> Answer {
        let gone = || Fault::new(Code::Unreachable, "the stream is gone");
        self.ask.send_blocking(what).map_err(|_| gone())?;
        self.answers.recv_blocking().map_err(|_| gone())?
    }
}

/// Says, when it is dropped, that the stream is gone.
struct Lives(Arc<AtomicBool>);

impl Drop for Lives {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

pub(super) fn start(handler: Handler) -> Start {
    Box::new(move |_, given, context| {
        let work = run(kept(given)?, handler.clone(), context.clone());
        let stream = context.stream();
        Ok(Box::pin(accompany(Box::pin(work), stream, context)))
    })
}

async fn run(request: Vec<u8>, handler: Handler, context: Context) -> Result<(), Fault> {
    let (ask, asked) = async_channel::bounded(1);
    let (answer, answers) = async_channel::bounded(1);
    let lives = Lives(Arc::default());
    let mut stream = ByteStream {
        ask,
        answers,
        cancelled: lives.0.clone(),
    };
    let scope = context.scope;
    // Ends with the stream that it has: then nobody asks any more.
    let thread = rt::unblock_long(move || current::within(scope, || handler(&request, &mut stream)));
    let serving = async {
        while let Ok(what) = asked.recv().await {
            let done = serve(&context, what).await;
            if answer.send(done).await.is_err() {
                break;
            }
        }
        std::future::pending().await
    };
    futures_lite::future::or(thread, serving).await
}

async fn serve(context: &Context, what: Ask) -> Answer {
    let stream = context.stream();
    match what {
        Ask::Send(key, name, bytes) => {
            let mut message = Encoded { key, name, bytes };
            let head = Head {
                trace: trace::stream_send(&stream.link, &message),
                ..Head::default()
            };
            stream.send_with(head, &mut message).await?;
            Ok(None)
        }
        Ask::Receive(limit) => {
            let next = match limit {
                Some(limit) => stream.recv_timeout(limit).await?,
                None => stream.recv().await?,
            };
            let Some(message) = next else { return Ok(None) };
            Ok(Some((message.key, message.payload.into_bytes()?)))
        }
    }
}
