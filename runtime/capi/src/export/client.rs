//! Clients.

use std::ffi::{c_int, c_uint};
use std::sync::{Arc, Mutex};

use super::{give, receive};
use crate::border::{Callback, FoundService, OnFound, Out, Text, User};
use crate::client::{self, Conn, StreamHandle};
use crate::guard::{OK, c_text, make, run};
use crate::message::Message;
use crate::table::{self, Object, own};

fn insert(conn: Conn) -> Result<usize, gshell_wire::Fault> {
    table::insert(Object::Conn(Arc::new(Mutex::new(conn))))
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_discover(
    publisher: Text,
    service: Text,
    timeout_ms: c_int,
    scopes: c_uint,
    error: Out<usize>,
) -> usize {
    make(&error, &mut || {
        let (publisher, service) = (publisher.get("publisher")?, service.get("service")?);
        insert(Conn::discover(publisher, service, timeout_ms, scopes)?)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_connect(address: Text, timeout_ms: c_int, error: Out<usize>) -> usize {
    make(&error, &mut || {
        insert(Conn::connect(address.get("address")?, timeout_ms)?)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_close(conn: usize) {
    run(&Out::none(), &mut || {
        if let Object::Conn(conn) = table::remove(conn, "connection", Object::is_conn)? {
            own(&conn, "connection")?.close();
        }
        Ok(OK)
    });
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_list(
    publisher: Text,
    service: Text,
    timeout_ms: c_int,
    scopes: c_uint,
    callback: Option<OnFound>,
    user: User,
    error: Out<usize>,
) -> c_int {
    run(&error, &mut || {
        let callback = Callback::new(callback, &user)?;
        let (publisher, service) = (publisher.get("publisher")?, service.get("service")?);
        for found in client::list(publisher, service, timeout_ms, scopes)? {
            let scope = gshell_service::Scopes::from(found.scope).bits();
            let address = found.address.to_string();
            let texts =
                [&found.publisher, &found.service, &found.provider, &address].map(|text| c_text(text));
            callback.call(&FoundService {
                publisher: texts[0].as_ptr(),
                service: texts[1].as_ptr(),
                provider: texts[2].as_ptr(),
                address: texts[3].as_ptr(),
                scope: scope.into(),
            });
        }
        Ok(OK)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_declare(conn: usize, name: Text, shape: Text, error: Out<usize>) -> c_int {
    run(&error, &mut || {
        let (name, shape) = (name.get("name")?, shape.get("shape")?);
        own(&*table::conn(conn)?, "connection")?.declare(name, shape)?;
        Ok(OK)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_fd(conn: usize) -> c_int {
    let mut fd = -1;
    run(&Out::none(), &mut || {
        fd = own(&*table::conn(conn)?, "connection")?.fd();
        Ok(OK)
    });
    fd
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_poll(conn: usize, timeout_ms: c_int, ready: Out<c_int>, error: Out<usize>) -> c_int {
    run(&error, &mut || {
        ready.need("the result")?;
        let found = own(&*table::conn(conn)?, "connection")?.poll(timeout_ms)?;
        ready.set(found.into());
        Ok(OK)
    })
}

/// Sends a request and hands its reply over.
fn call(
    request: usize,
    reply: &Out<usize>,
    error: &Out<usize>,
    call: &mut dyn FnMut(&mut Message) -> Result<Message, gshell_wire::Fault>,
) -> c_int {
    reply.set(0);
    run(error, &mut || {
        let request = table::message(request)?;
        let answer = call(&mut *own(&request, "message")?)?;
        if reply.is_wanted() {
            reply.set(give(answer)?);
        }
        Ok(OK)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_call(
    conn: usize,
    request: usize,
    timeout_ms: c_int,
    reply: Out<usize>,
    error: Out<usize>,
) -> c_int {
    call(request, &reply, &error, &mut |request| {
        own(&*table::conn(conn)?, "connection")?.call(0, request, timeout_ms)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_stream_open(conn: usize, error: Out<usize>) -> usize {
    make(&error, &mut || {
        let stream = StreamHandle::open(&table::conn(conn)?)?;
        table::insert(Object::Stream(Arc::new(stream)))
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_stream_default(conn: usize, error: Out<usize>) -> usize {
    make(&error, &mut || {
        let stream = StreamHandle::default_of(&table::conn(conn)?);
        table::insert(Object::Stream(Arc::new(stream)))
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_stream_send(
    stream: usize,
    message: usize,
    timeout_ms: c_int,
    error: Out<usize>,
) -> c_int {
    run(&error, &mut || {
        let (stream, message) = (table::stream(stream)?, table::message(message)?);
        stream.send(&mut *own(&message, "message")?, timeout_ms)?;
        Ok(OK)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_stream_recv(
    stream: usize,
    timeout_ms: c_int,
    message: Out<usize>,
    error: Out<usize>,
) -> c_int {
    receive(&message, &error, &mut || table::stream(stream)?.recv(timeout_ms))
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_stream_call(
    stream: usize,
    request: usize,
    timeout_ms: c_int,
    reply: Out<usize>,
    error: Out<usize>,
) -> c_int {
    call(request, &reply, &error, &mut |request| {
        table::stream(stream)?.call(request, timeout_ms)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_stream_end(stream: usize, error: Out<usize>) -> c_int {
    run(&error, &mut || {
        table::stream(stream)?.end()?;
        Ok(OK)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_stream_close(stream: usize) {
    run(&Out::none(), &mut || {
        if let Object::Stream(stream) = table::remove(stream, "stream", Object::is_stream)? {
            stream.close()?;
        }
        Ok(OK)
    });
}
