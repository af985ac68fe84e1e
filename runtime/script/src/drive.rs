//! Running an environment's coroutines inside one task of the thread's executor.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use async_executor::LocalExecutor;
use gshell_sys::slice;

use crate::Context;
use crate::sync::Notify;

/// Polls the environment's tasks until `ready` gives a value (asked after each turn and whenever `changed` says so),
/// and gives the thread away after each slice: a script with a thousand busy coroutines gets no more than one with
/// a single one.
pub(crate) async fn drive<T>(
    cx: &Context,
    executor: &LocalExecutor<'static>,
    changed: &Notify,
    ready: impl Fn() -> Option<T>,
) -> T {
    let turn = Cell::new(0);
    let mut ticks = pin!(async {
        loop {
            executor.tick().await;
            // The clock of slices is cheaper than a clock, and exact enough.
            if ready().is_some() || slice::expiries() != turn.get() {
                futures_lite::future::yield_now().await;
            }
        }
    });
    let mut done = pin!(changed.until(&ready));
    poll_fn(|task| {
        turn.set(slice::expiries());
        if let Poll::Ready(value) = done.as_mut().poll(task) {
            return Poll::Ready(value);
        }
        let Poll::Pending = ticks.as_mut().poll(task);
        cx.output.flush();
        ready().map_or(Poll::Pending, Poll::Ready)
    })
    .await
}
