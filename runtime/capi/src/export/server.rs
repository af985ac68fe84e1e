//! Servers, and requests as their handlers answer them.

use std::ffi::{c_char, c_int, c_uint};
use std::sync::Arc;

use super::{give, receive};
use crate::border::{Callback, OnRequest, Out, Text, User};
use crate::guard::{OK, make, run};
use crate::message::Message;
use crate::request::Request;
use crate::server::Server;
use crate::stop;
use crate::table::{self, Object, own};

#[unsafe(no_mangle)]
pub extern "C" fn gshell_server_new(publisher: Text, service: Text, error: Out<usize>) -> usize {
    make(&error, &mut || {
        let server = Server::new(publisher.get("publisher")?, service.get("service")?)?;
        let server = Arc::new(server);
        let handle = table::insert(Object::Server(server.clone()))?;
        server.name(handle);
        Ok(handle)
    })
}

/// Runs `work` on a server.
fn with(
    server: usize,
    error: &Out<usize>,
    work: &mut dyn FnMut(&Arc<Server>) -> Result<(), gshell_wire::Fault>,
) -> c_int {
    run(error, &mut || {
        work(&table::server(server)?)?;
        Ok(OK)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_server_declare(
    server: usize,
    name: Text,
    shape: Text,
    help: Text,
    error: Out<usize>,
) -> c_int {
    with(server, &error, &mut |server| {
        let help = help.get_or_null("help")?.unwrap_or_default();
        server.declare(name.get("name")?, shape.get("shape")?, help)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_server_on(
    server: usize,
    name: Text,
    replies: Text,
    flags: c_uint,
    handler: Option<OnRequest>,
    user: User,
    error: Out<usize>,
) -> c_int {
    with(server, &error, &mut |server| {
        let replies = replies.get_or_null("replies")?.unwrap_or_default();
        server.on(name.get("name")?, replies, flags, Callback::new(handler, &user)?)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_server_scopes(server: usize, scopes: c_uint, error: Out<usize>) -> c_int {
    with(server, &error, &mut |server| server.scopes(scopes))
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_server_tcp(server: usize, address: Text, error: Out<usize>) -> c_int {
    with(server, &error, &mut |server| server.tcp(address.get("address")?))
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_server_port(server: usize) -> c_uint {
    let mut port = 0;
    with(server, &Out::none(), &mut |server| {
        port = server.port().into();
        Ok(())
    });
    port
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_server_run(server: usize, error: Out<usize>) -> c_int {
    with(server, &error, &mut |server| server.run())
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_server_start(server: usize, error: Out<usize>) -> c_int {
    with(server, &error, &mut Server::start)
}

// Not as the others: a signal handler may neither lock nor allocate, so the table of objects is not looked at.
#[unsafe(no_mangle)]
pub extern "C" fn gshell_server_stop(server: usize) -> c_int {
    match stop::fire(server) {
        true => OK,
        false => u16::from(gshell_wire::Code::Invalid).into(),
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_server_wait(server: usize, error: Out<usize>) -> c_int {
    with(server, &error, &mut |server| server.join())
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_server_free(server: usize) {
    run(&Out::none(), &mut || {
        if let Object::Server(server) = table::remove(server, "server", Object::is_server)? {
            server.stop();
            server.join()?;
        }
        Ok(OK)
    });
}

/// Runs `work` on a request.
fn on(
    request: usize,
    error: &Out<usize>,
    work: &mut dyn FnMut(&Request) -> Result<(), gshell_wire::Fault>,
) -> c_int {
    run(error, &mut || {
        work(&*table::request(request)?)?;
        Ok(OK)
    })
}

/// Runs `work` on a request and a message.
fn on_message(
    request: usize,
    message: usize,
    error: &Out<usize>,
    work: &mut dyn FnMut(&Request, &mut Message) -> Result<(), gshell_wire::Fault>,
) -> c_int {
    on(request, error, &mut |request| {
        let message = table::message(message)?;
        let mut message = own(&message, "message")?;
        work(request, &mut message)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_request_message(request: usize, name: Text, error: Out<usize>) -> usize {
    make(&error, &mut || {
        give(table::request(request)?.message(name.get("name")?)?)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_reply(request: usize, message: usize, error: Out<usize>) -> c_int {
    on_message(request, message, &error, &mut Request::reply)
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_reply_error(request: usize, code: c_int, text: Text, error: Out<usize>) -> c_int {
    on(request, &error, &mut |request| {
        request.fail(code, text.get("text")?)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_request_send(
    request: usize,
    message: usize,
    timeout_ms: c_int,
    error: Out<usize>,
) -> c_int {
    on_message(request, message, &error, &mut |request, message| {
        request.send(message, timeout_ms)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_request_recv(
    request: usize,
    timeout_ms: c_int,
    message: Out<usize>,
    error: Out<usize>,
) -> c_int {
    receive(&message, &error, &mut || {
        table::request(request)?.receive(timeout_ms)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_request_end(request: usize, error: Out<usize>) -> c_int {
    on(request, &error, &mut Request::end)
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_request_keep(request: usize, error: Out<usize>) -> c_int {
    on(request, &error, &mut |request| {
        request.keep();
        Ok(())
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_request_free(request: usize) {
    on(request, &Out::none(), &mut |object| {
        // The library frees those that are not kept, when their handler returns.
        if object.is_kept() {
            table::remove(request, "request", Object::is_request)?;
            object.finish();
        }
        Ok(())
    });
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_request_cancelled(request: usize) -> c_int {
    let mut cancelled = 1;
    on(request, &Out::none(), &mut |request| {
        cancelled = request.outbox.is_closed().into();
        Ok(())
    });
    cancelled
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_request_left(request: usize) -> c_int {
    let mut left = 0;
    on(request, &Out::none(), &mut |request| {
        left = request.left_ms();
        Ok(())
    });
    left
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_request_peer(request: usize, error: Out<usize>) -> *const c_char {
    let mut peer = std::ptr::null();
    on(request, &error, &mut |request| {
        peer = request.peer().as_ptr();
        Ok(())
    });
    peer
}
