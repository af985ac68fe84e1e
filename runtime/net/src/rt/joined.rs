//! Tasks that give something, made of tasks that give nothing: the executor's code is there once per type of result.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use async_task::Task;

use super::core::spawn;

/// As [`spawn`], for a result that no other task of the program has: two kilobytes less.
pub fn join<T: 'static>(future: impl Future<Output = T> + 'static) -> Joined<T> {
    let result = Rc::new(Cell::new(None));
    let own = Rc::clone(&result);
    let task = spawn(async move { own.set(Some(future.await)) });
    Joined { task, result }
}

/// A task that gives something; dropping this cancels it.
pub struct Joined<T> {
    task: Task<()>,
    result: Rc<Cell<Option<T>>>,
}

impl<T> Future for Joined<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        if Pin::new(&mut self.task).poll(context).is_pending() {
            return Poll::Pending;
        }
        // Nothing is there when it was taken: a future is not polled after its end.
        self.result.take().map_or(Poll::Pending, Poll::Ready)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{block_on, yield_now};
    use super::*;

    #[test]
    fn the_result_is_given_and_what_is_dropped_ends() {
        let ended = Rc::new(Cell::new(false));
        let own = ended.clone();
        block_on(async move {
            let sum = join(async {
                yield_now().await;
                2 + 3
            });
            drop(join(async move {
                yield_now().await;
                own.set(true);
            }));
            assert_eq!(sum.await, 5);
            yield_now().await;
        });
        assert!(!ended.get());
    }
}
