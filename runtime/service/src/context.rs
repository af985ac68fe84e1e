//! What a handler knows of the request that it answers.

use std::rc::Rc;

use gshell_session::Head;
use gshell_wire::Fault;

use crate::link::{Link, Peer};
use crate::payload::Outgoing;
use crate::stream::Stream;

struct Request {
    link: Link,
    stream: u32,
    call: Option<u32>,
    cost: u32,
}

impl Drop for Request {
    fn drop(&mut self) {
        // The request's bytes count against the stream's credit until its handler is done, so the
        // number of handlers that wait is bounded.
        self.link.consumed(self.stream, self.cost);
        self.link.table().request_done();
    }
}

/// The request behind a handler: who sent it, and where the reply goes.
#[derive(Clone)]
pub struct Context(Rc<Request>);

impl Context {
    pub(crate) fn new(link: Link, stream: u32, head: &Head, cost: u32) -> Context {
        link.table().request_began();
        Context(Rc::new(Request {
            link,
            stream,
            call: head.call,
            cost,
        }))
    }

    /// Who is at the other end.
    pub fn peer(&self) -> &Peer {
        self.0.link.peer()
    }

    /// The stream that the request came on.
    pub fn stream(&self) -> Stream {
        Stream::new(self.0.link.clone(), self.0.stream)
    }

    pub(crate) async fn reply(&self, reply: &mut dyn Outgoing) {
        let head = Head {
            call: self.0.call,
            ..Head::default()
        };
        // A peer that is gone needs no reply; every other refusal is told to it.
        match self.0.link.try_send(self.0.stream, head, reply) {
            Ok(Some(())) => {}
            Ok(None) => {
                if let Err(fault) = self.stream().send_with(head, reply).await {
                    self.reply_error(&fault);
                }
            }
            Err(fault) => self.reply_error(&fault),
        }
    }

    pub(crate) fn reply_error(&self, fault: &Fault) {
        self.0.link.send_error(self.0.stream, self.0.call, fault);
    }
}
