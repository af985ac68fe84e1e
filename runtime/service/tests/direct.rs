//! Calls inside one thread, whose handlers run where the call is made.

#![allow(clippy::unwrap_used)] // helpers of tests fail as tests do

mod common;

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Waker};
use std::time::Duration;

use common::{Add, Sum, add, publish, run};
use gshell_service::{
    Client, Dynamic, Handlers, Incoming, Node, Published, Reply, Scopes, Timeout, Typed, current, discover,
    rt,
};
use gshell_wire::{Code, Fault, Shape};

const NOWHERE: &str = "/nowhere";

fn serve(name: &str, handlers: Handlers) -> Published {
    publish(&Node::at(NOWHERE), name, handlers, Scopes::PROCESS)
}

/// A client whose connection has been used once, so that both ends know each other.
async fn connect(name: &str) -> Client {
    let node = Node::at(NOWHERE);
    let search = discover(&node, "test", name).scopes(Scopes::PROCESS);
    search.timeout(Timeout::Once).one().await.unwrap()
}

/// Polls once, with nobody to be woken.
fn poll_once<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}

#[test]
fn a_call_is_over_at_once_and_yet_others_get_their_turn() {
    run(async {
        let handlers = Handlers::new().on(|add: Add, _| async move { Ok(Sum { sum: add.a + add.b }) });
        let _published = serve("once", handlers);
        let client = connect("once").await;
        let _: Sum = client.call(add(1, 1)).await.unwrap();
        let turns = Rc::new(Cell::new(0));
        let seen = turns.clone();
        rt::spawn(async move {
            loop {
                seen.set(seen.get() + 1);
                rt::yield_now().await;
            }
        })
        .detach();
        let mut at_once = 0;
        for n in 0..1000 {
            let mut call = pin!(client.call::<_, Sum>(add(n, 1)));
            let sum = match poll_once(call.as_mut()) {
                Some(sum) => {
                    at_once += 1;
                    sum
                }
                None => call.await,
            };
            assert_eq!(sum.unwrap().sum, n + 1);
        }
        assert!(at_once > 900, "{at_once} of 1000 calls need no other task");
        assert!(turns.get() >= 10, "{} turns of another task", turns.get());
    });
}

#[test]
fn handlers_that_call_each_other_do_not_fill_the_stack() {
    run(async {
        let own: Rc<RefCell<Option<Rc<Client>>>> = Rc::default();
        let (again, deepest) = (own.clone(), Rc::new(Cell::new((0, 0))));
        let depth = deepest.clone();
        let handlers = Handlers::new().on(move |request: Add, _| {
            let client = again.borrow().clone().unwrap();
            let depth = depth.clone();
            async move {
                if request.a == 0 {
                    return Ok(Sum { sum: request.b });
                }
                let mut call = pin!(client.call::<_, Sum>(add(request.a - 1, request.b + 1)));
                std::future::poll_fn(|context| {
                    let (now, most) = depth.get();
                    depth.set((now + 1, most.max(now + 1)));
                    let polled = call.as_mut().poll(context);
                    let (now, most) = depth.get();
                    depth.set((now - 1, most));
                    polled
                })
                .await
            }
        });
        let _published = serve("nested", handlers);
        let client = Rc::new(connect("nested").await);
        *own.borrow_mut() = Some(client.clone());
        for _ in 0..3 {
            let sum: Sum = client.call(add(500, 0)).await.unwrap();
            assert_eq!(sum.sum, 500);
        }
        let (now, most) = deepest.get();
        assert_eq!(now, 0);
        assert!((2..=8).contains(&most), "handlers {most} deep");
        own.take();
    });
}

#[test]
fn what_was_sent_before_is_handled_before() {
    run(async {
        let order = Rc::new(RefCell::new(Vec::new()));
        let (notices, calls) = (order.clone(), order.clone());
        let handlers = Handlers::new()
            .on_notice(move |notice: common::Item, _| {
                notices.borrow_mut().push(u64::from(notice.n));
                async { Ok(()) }
            })
            .on(move |add: Add, _| {
                calls.borrow_mut().push(add.a as u64);
                async { Ok(Sum { sum: 0 }) }
            });
        let _published = serve("order", handlers);
        let client = connect("order").await;
        let stream = client.default_stream();
        let mut wanted = Vec::new();
        for n in 0..200u32 {
            // Some wait for the service's task, some need not.
            if n % 3 == 0 {
                stream.send(common::item(n, 1)).await.unwrap();
            } else {
                let _: Sum = client.call(add(i64::from(n), 0)).await.unwrap();
            }
            wanted.push(u64::from(n));
        }
        rt::sleep(Duration::from_millis(1)).await;
        assert_eq!(*order.borrow(), wanted);
    });
}

#[test]
fn a_panic_costs_that_call_and_the_caller_keeps_its_scope() {
    run(async {
        let handlers = Handlers::new().on(|add: Add, _| async move {
            assert!(current::scope().deadline.is_some());
            assert!(add.a != 13, "on purpose");
            Ok(Sum { sum: add.a })
        });
        let _published = serve("panics", handlers);
        let client = connect("panics").await;
        for n in 10..20 {
            let request = client.request(add(n, 0)).timeout(Duration::from_secs(5));
            let answer: Result<Sum, Fault> = request.send().await;
            match n {
                13 => assert_eq!(answer.unwrap_err().code(), Some(Code::Internal)),
                _ => assert_eq!(answer.unwrap().sum, n),
            }
            assert_eq!(current::scope(), current::Scope::default());
        }
    });
}

#[test]
fn a_handler_that_is_asked_is_started_where_the_call_is_made_only_if_it_may() {
    run(async {
        let may = Rc::new(Cell::new(false));
        let asked = may.clone();
        let message = Dynamic {
            replies: vec![("test.Add".to_owned(), Shape::of::<Add>())],
            ..Dynamic::new("test.Add", Shape::of::<Add>())
        };
        let answer = |incoming: Incoming, _| async move {
            let request: Add = incoming.decode()?;
            let reply: Reply = Box::new(Typed::new(request));
            Ok(Some(reply))
        };
        let handlers = Handlers::new().on_dynamic_within(message, move || asked.get(), answer);
        let _published = serve("asked", handlers.unwrap());
        let client = connect("asked").await;
        let _: Add = client.call(add(1, 1)).await.unwrap();
        for n in 0..20 {
            may.set(n % 2 == 1);
            let mut call = pin!(client.call::<_, Add>(add(n, 1)));
            let polled = poll_once(call.as_mut());
            assert_eq!(polled.is_some(), may.get(), "call {n}");
            let reply = match polled {
                Some(reply) => reply,
                None => call.await,
            };
            assert_eq!(reply.unwrap().a, n);
        }
    });
}

#[test]
fn a_call_that_is_given_up_is_cancelled() {
    run(async {
        let (dropped, began) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        struct Notes(Rc<Cell<u32>>);
        impl Drop for Notes {
            fn drop(&mut self) {
                self.0.set(self.0.get() + 1);
            }
        }
        let (drops, begins) = (dropped.clone(), began.clone());
        let handlers = Handlers::new().on(move |_: Add, _| {
            let notes = Notes(drops.clone());
            begins.set(begins.get() + 1);
            async move {
                let _notes = notes;
                std::future::pending::<()>().await;
                Ok(Sum { sum: 0 })
            }
        });
        let _published = serve("given-up", handlers);
        let client = connect("given-up").await;
        for _ in 0..10 {
            let request = client.request(add(1, 1)).timeout(Duration::from_millis(2));
            let fault = request.send::<Sum>().await.unwrap_err();
            assert_eq!(fault.code(), Some(Code::Timeout));
        }
        rt::sleep(Duration::from_millis(5)).await;
        assert_eq!((began.get(), dropped.get()), (10, 10));
    });
}
