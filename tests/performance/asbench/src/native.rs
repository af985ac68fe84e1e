//! Clients and the service as native code.

use std::cell::RefCell;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use gshell_plugin_asbench::messages::{Download, DownloadRequest, LARGEST, Upload, UploadRequest};
use gshell_service::{
    Client, Context, Handlers, Node, PublishOptions, Published, Publisher, Scopes, Stream, Timeout, blocking,
    discover, rt, tcp,
};
use gshell_wire::{Bytes, Code, Fault};

use crate::figures::{Figures, Meter};
use crate::options::{Direction, Options};
use crate::other::{self, Other};

/// The service's name in each scope.
const PUBLISHER: &str = "platform";
const SERVICE: &str = "asbench";
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// Calls before the measurement begins.
const WARM_UP: u32 = 100;

/// What the service does.
pub fn handlers() -> Handlers {
    Handlers::new().on(download).on(upload)
}

async fn download(request: DownloadRequest, _: Context) -> Result<Download, Fault> {
    if request.size > LARGEST {
        let text = format!("a download has at most {LARGEST} bytes, not {}", request.size);
        return Err(Fault::new(Code::Invalid, text));
    }
    Ok(Download {
        payload: answer(request.size as usize),
    })
}

thread_local! {
    static ANSWER: RefCell<Bytes> = const { RefCell::new(Bytes::new()) };
}

/// Bytes from which on counting who holds an answer takes less than to make it anew.
const MADE_ONCE: usize = 1024;

/// Bytes that are made once, as those of the yardstick are.
fn answer(size: usize) -> Bytes {
    if size < MADE_ONCE {
        return Bytes::from(vec![9; size]);
    }
    ANSWER.with_borrow_mut(|answer| {
        if answer.len() != size {
            *answer = Bytes::shared(vec![9; size]);
        }
        answer.clone()
    })
}

async fn upload(_: UploadRequest, _: Context) -> Result<Upload, Fault> {
    Ok(Upload { code: 0 })
}

fn publish(folder: &Path, scopes: Scopes, tcp: bool) -> Result<Published, Fault> {
    let options = PublishOptions {
        tcp: tcp.then(|| SocketAddr::from((Ipv4Addr::LOCALHOST, 0))),
        ..PublishOptions::default()
    };
    Publisher::new(&Node::at(folder), PUBLISHER)?.publish(SERVICE, handlers(), scopes, &options)
}

/// The role of the other process in the scope OS.
///
/// # Errors
/// A text: why it cannot be published.
pub fn serve_os(folder: &Path) -> Result<(), String> {
    rt::block_on(async {
        let _published = publish(folder, Scopes::OS, false).map_err(|fault| fault.to_string())?;
        other::say_ready("os");
        std::future::pending().await
    })
}

/// The role of the other process over TCP.
///
/// # Errors
/// A text: why it cannot listen.
pub fn serve_tcp() -> Result<(), String> {
    rt::block_on(async {
        let published = publish(Path::new("/"), Scopes::NONE, true).map_err(|fault| fault.to_string())?;
        let address = published.tcp().ok_or("it has no address")?;
        other::say_ready(&address.to_string());
        std::future::pending().await
    })
}

/// Starts the service in another process, unless a node has it; gives it and its TCP address, if it has one.
///
/// # Errors
/// A text: why it does not start.
pub fn other_process(
    folder: &Path,
    options: &Options,
) -> Result<(Option<Other>, Option<SocketAddr>), String> {
    let text = |error: std::io::Error| error.to_string();
    if options.node.is_some() {
        return Ok((None, None));
    }
    match options.scope {
        crate::options::Scope::Tcp => {
            let other = Other::start("tcp", &[]).map_err(text)?;
            let address = other
                .said
                .parse()
                .map_err(|_| format!("{} is no address", other.said))?;
            Ok((Some(other), Some(address)))
        }
        _ => {
            let other = Other::start("os", &[folder.display().to_string()]).map_err(text)?;
            Ok((Some(other), None))
        }
    }
}

/// Measures with the service in another process.
///
/// # Errors
/// A text: what failed.
pub fn over_socket(folder: &Path, options: &Options) -> Result<Figures, String> {
    let (_other, address) = other_process(folder, options)?;
    rt::block_on(async {
        let client = match address {
            Some(address) => {
                let socket = tcp::connect(address, Instant::now() + CONNECT)
                    .await
                    .map_err(|error| error.to_string())?;
                Client::over(socket)
            }
            None => search(folder).one().await,
        };
        drive(&client.map_err(|fault| fault.to_string())?, options).await
    })
    .map_err(|fault| fault.to_string())
}

/// All streams of one connection, each with one call at a time.
async fn drive(client: &Client, options: &Options) -> Result<Figures, String> {
    let text = |fault: Fault| fault.to_string();
    let mut streams = vec![client.default_stream()];
    for _ in 1..options.streams {
        streams.push(client.open().await.map_err(text)?);
    }
    let payload = Bytes::shared(vec![9; options.size as usize]);
    for _ in 0..WARM_UP {
        one(&streams[0], options, &payload).await.map_err(text)?;
    }
    let end = Instant::now() + options.time;
    let meter = Rc::new(RefCell::new(Meter::begin()));
    let callers: Vec<_> = streams
        .into_iter()
        .map(|stream| {
            let (meter, options, payload) = (meter.clone(), options.clone(), payload.clone());
            rt::spawn(async move {
                let (mut at, mut calls) = (Instant::now(), 0);
                while options.goes_on(calls, at, end) {
                    calls += 1;
                    one(&stream, &options, &payload).await?;
                    at = meter.borrow_mut().note(at);
                }
                Ok(())
            })
        })
        .collect();
    for caller in callers {
        caller.await.map_err(text)?;
    }
    let meter = meter.replace(Meter::begin());
    Ok(meter.figures())
}

async fn one(stream: &Stream, options: &Options, payload: &Bytes) -> Result<(), Fault> {
    match options.direction {
        Direction::Download => {
            let reply: Download = stream.call(download_request(options)).await?;
            check(reply.payload.len(), options)
        }
        Direction::Upload => {
            let reply: Upload = stream.call(upload_request(payload)).await?;
            check_code(reply)
        }
    }
}

fn download_request(options: &Options) -> DownloadRequest {
    DownloadRequest {
        name: "asbench".to_owned(),
        id: 1,
        size: options.size,
    }
}

fn upload_request(payload: &Bytes) -> UploadRequest {
    UploadRequest {
        name: "asbench".to_owned(),
        id: 1,
        payload: payload.clone(),
    }
}

fn check(got: usize, options: &Options) -> Result<(), Fault> {
    match got == options.size as usize {
        true => Ok(()),
        false => Err(Fault::new(
            Code::Internal,
            format!("{got} bytes came instead of {}", options.size),
        )),
    }
}

fn check_code(reply: Upload) -> Result<(), Fault> {
    match reply.code {
        0 => Ok(()),
        code => Err(Fault::new(
            Code::Internal,
            format!("the upload was answered by {code}"),
        )),
    }
}

/// Measures with the blocking client, and the service in another process.
///
/// # Errors
/// A text: what failed.
pub fn blocking(folder: &Path, options: &Options) -> Result<Figures, String> {
    let (_other, address) = other_process(folder, options)?;
    let client = match address {
        Some(address) => blocking::Client::over(
            tcp::connect_blocking(address, Instant::now() + CONNECT).map_err(|error| error.to_string())?,
        ),
        None => search(folder).one_blocking(),
    };
    let mut client = client.map_err(|fault| fault.to_string())?;
    let payload = Bytes::shared(vec![9; options.size as usize]);
    let mut call = || match options.direction {
        Direction::Download => {
            let reply: Download = client.call(&download_request(options), None)?;
            check(reply.payload.len(), options)
        }
        Direction::Upload => check_code(client.call(&upload_request(&payload), None)?),
    };
    let mut run = || -> Result<Figures, Fault> {
        for _ in 0..WARM_UP {
            call()?;
        }
        let end = Instant::now() + options.time;
        let mut meter = Meter::begin();
        let (mut at, mut calls) = (Instant::now(), 0);
        while options.goes_on(calls, at, end) {
            calls += 1;
            call()?;
            at = meter.note(at);
        }
        Ok(meter.figures())
    };
    run().map_err(|fault| fault.to_string())
}

fn search(folder: &Path) -> gshell_service::Discover {
    discover(&Node::at(folder), PUBLISHER, SERVICE).timeout(Timeout::For(CONNECT))
}

/// Measures inside this process: on one executor, or with the service on a thread of its own.
///
/// # Errors
/// A text: what failed.
pub fn in_process(options: &Options) -> Result<Figures, String> {
    let folder = Path::new("/");
    let measure = async || {
        let search = search(folder).scopes(Scopes::PROCESS);
        let client = search.one().await.map_err(|fault| fault.to_string())?;
        drive(&client, options).await
    };
    if !options.threads {
        return rt::block_on(async {
            let _published = publish(folder, Scopes::PROCESS, false).map_err(|fault| fault.to_string())?;
            measure().await
        });
    }
    let (ready, published) = mpsc::channel();
    let (end, ended) = async_channel::bounded::<()>(1);
    let server = thread::spawn(move || {
        rt::block_on(async {
            let published =
                publish(Path::new("/"), Scopes::PROCESS, false).map_err(|fault| fault.to_string());
            let _ = ready.send(published.as_ref().map(|_| ()).map_err(Clone::clone));
            let _ = ended.recv().await;
        });
    });
    let figures = match published.recv() {
        Ok(Ok(())) => rt::block_on(measure()),
        Ok(Err(text)) => Err(text),
        Err(_) => Err("the service's thread ended at once".to_owned()),
    };
    drop(end);
    let _ = server.join();
    figures
}
