//! Handlers of bytes on threads.

use std::sync::Arc;

use gshell_wire::Fault;

use super::kept;
use crate::blocking_handler::{Caller, Made, blocking_work};
use crate::entry::Start;
use crate::payload::Payload;

type Handler = Arc<dyn Fn(&[u8], &mut BlockingReply) -> Result<(), Fault> + Send + Sync>;

/// Where the answer goes.
pub struct BlockingReply {
    caller: Caller,
    made: Option<Made>,
}

impl BlockingReply {
    /// Answers the request: it is sent when the handler returns.
    pub fn send(&mut self, key: u64, name: &'static str, bytes: &[u8]) {
        let payload = Payload::Bytes(bytes.to_vec());
        self.made = Some(Made { key, name, payload });
    }

    /// Who asks, and whether he still waits.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }
}

pub(super) fn start(handler: Handler) -> Start {
    Box::new(move |_, given, context| {
        let (request, handler) = (kept(given)?, handler.clone());
        let call = move |caller| {
            let mut reply = BlockingReply { caller, made: None };
            handler(&request, &mut reply)?;
            Ok(reply.made)
        };
        blocking_work(context, Box::new(call))
    })
}
