//! A client's terminal on an environment: output one way, input, size and signals the other.

use std::rc::Rc;
use std::sync::Arc;

use futures_lite::future;
use gshell_control::messages::attach::{
    Attach, AttachedState, Input, InputEnd, Interrupt, Left, Output, Resize, STDOUT,
};
use gshell_control::messages::groups::Detached;
use gshell_service::{Incoming, Stream};
use gshell_wire::{Bytes, Fault};

use crate::env::Env;
use crate::hub::{Hub, Next};
use crate::outcome::finished;
use crate::table::Group;

/// Detaches when the stream's handler is dropped, however that comes about.
struct Attached {
    hub: Arc<Hub>,
    number: u32,
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.hub.detach(self.number);
    }
}

/// Serves one attached client until the environment ends, or the client goes.
pub(crate) async fn serve(group: Rc<Group>, request: Attach, stream: Stream) -> Result<(), Fault> {
    let env = group.find(&request.id)?;
    let size = (request.cols > 0).then_some((request.cols, request.rows));
    let attached = Attached {
        number: env.hub.attach(size),
        hub: env.hub.clone(),
    };
    let state = {
        let job = env.job.borrow();
        AttachedState {
            state: job.state,
            name: job.name.clone(),
            pid: job.pid,
        }
    };
    let now = state.state;
    stream.send(state).await?;
    if request.from_start {
        send_output(&stream, STDOUT, env.hub.replay()).await?;
    }
    if !now.is_active() {
        let finished = finished(&env.job.borrow());
        return stream.send(finished).await;
    }
    if now == gshell_control::State::Starting {
        // It was held for this client.
        group.begin(&env);
    }
    let output = send_all(&env.hub, attached.number, &stream);
    let input = receive_all(&group, &env, attached.number, &stream);
    future::or(output, input).await
}

async fn send_all(hub: &Arc<Hub>, number: u32, stream: &Stream) -> Result<(), Fault> {
    loop {
        match hub.next(number).await {
            Next::Output(which, bytes) => send_output(stream, which, bytes).await?,
            Next::Finished(finished) => return stream.send(finished).await,
            Next::Replaced => {
                return stream
                    .send(Left {
                        reason: Detached::Replaced,
                    })
                    .await;
            }
        }
    }
}

async fn send_output(stream: &Stream, which: u8, bytes: Vec<u8>) -> Result<(), Fault> {
    if bytes.is_empty() {
        return Ok(());
    }
    stream
        .send(Output {
            stream: which,
            bytes: Bytes::from(bytes),
        })
        .await
}

/// Takes what the client sends. Never ends well: the output side says when it is over.
async fn receive_all(group: &Rc<Group>, env: &Rc<Env>, number: u32, stream: &Stream) -> Result<(), Fault> {
    while let Some(message) = stream.recv().await? {
        take(group, env, number, message).await?;
    }
    env.with_run(|run| run.input_end());
    future::pending().await
}

async fn take(group: &Rc<Group>, env: &Rc<Env>, number: u32, message: Incoming) -> Result<(), Fault> {
    if message.is::<Input>() {
        let bytes = message.decode::<Input>()?.bytes.into_vec();
        let (taken, wait) = async_channel::bounded(1);
        env.with_run(move |run| run.input(bytes, taken));
        // One piece at a time: a script that does not read keeps its client waiting. When the run has
        // ended the sender is gone and this returns.
        let _ = wait.recv().await;
    } else if message.is::<InputEnd>() {
        env.with_run(|run| run.input_end());
    } else if message.is::<Resize>() {
        let Resize { cols, rows } = message.decode()?;
        env.hub.resize(number, (cols > 0).then_some((cols, rows)));
        env.with_run(|run| run.resized());
    } else {
        let Interrupt { signal } = message.decode()?;
        group.interrupt(env, gshell_sys::process::from_generic(signal));
    }
    Ok(())
}
