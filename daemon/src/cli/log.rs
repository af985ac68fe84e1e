//! `gshell log`: what an environment wrote, and what a group or the node says about itself.

use gshell_control::messages::daemon::{Locate, Located};
use gshell_control::messages::log::{Chunk, End, LogQuery, Lost, Redirect};
use gshell_control::names;
use gshell_service::Incoming;
use gshell_service::blocking::{Client, Received};
use gshell_wire::{Code, Fault};

use super::failure::{Failure, Outcome};
use super::link::{Absent, Global, Link, QUICK, connect_group};
use super::{output, values};
use crate::exit_codes::Status;

/// Print the log of the daemon, a group or an environment.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  gshell log top.lua\n  gshell log -n 20 00aa11bb22cc\n  gshell log -f daemon\n  gshell log web"
)]
pub struct Args {
    /// Go on with what is written from now on, until Ctrl-C.
    #[arg(short, long)]
    follow: bool,

    /// Only the last lines.
    #[arg(short = 'n', long, value_name = "LINES")]
    lines: Option<u32>,

    /// "daemon", the name of a group, or ID or name of an environment.
    #[arg(value_name = "daemon|GROUP|ID|NAME", value_parser = values::target)]
    target: String,
}

/// What the stream came to.
enum Next {
    /// More follows.
    More,
    /// It is complete, or nobody reads any more.
    Done,
    /// Another process has it.
    At(String),
}

/// Prints the log.
pub fn run(global: &Global, args: Args) -> Outcome {
    let mut link = Link::open(global, Absent::Fail)?;
    let mut query = LogQuery {
        target: args.target,
        lines: args.lines,
        follow: args.follow,
    };
    let Some(socket) = copy(link.client(), &query)? else {
        return Ok(Status::Ok);
    };
    if names::check_env_id(&query.target).is_err() {
        // Names are the node's affair; the group knows its environments by their IDs.
        let what = format!("cannot read the log of {}", query.target);
        let request = Locate { target: query.target };
        query.target = link.call::<_, Located>(&what, &request, QUICK)?.job.id;
    }
    let mut group = connect_group(&socket, "of the log")?;
    match copy(&mut group, &query)? {
        None => Ok(Status::Ok),
        Some(_) => Err(Failure::error(format!(
            "cannot read the log of {}: it is always elsewhere",
            query.target
        ))),
    }
}

/// Copies a log to standard output; gives the socket of the process to ask instead.
fn copy(client: &mut Client, query: &LogQuery) -> Result<Option<String>, Failure> {
    let failed = |fault: Fault| Failure::fault(&format!("cannot read the log of {}", query.target), &fault);
    let stream = client.open().map_err(failed)?;
    client.send(stream, query).map_err(failed)?;
    loop {
        match client.receive(None).map_err(failed)? {
            Some(Received::Message(from, _, message)) if from == stream => match take(message)? {
                Next::More => {}
                Next::Done => return Ok(None),
                Next::At(socket) => return Ok(Some(socket)),
            },
            Some(Received::Error(from, _, fault) | Received::Reset(from, fault)) if from == stream => {
                return Err(failed(fault));
            }
            Some(Received::Ended(from)) if from == stream => return Ok(None),
            _ => {}
        }
    }
}

fn take(message: Incoming) -> Result<Next, Failure> {
    let failed = |fault: Fault| Failure::fault("cannot read the log", &fault);
    if message.is::<Chunk>() {
        let chunk: Chunk = message.decode().map_err(failed)?;
        return Ok(if output::write(&chunk.bytes)? {
            Next::More
        } else {
            Next::Done
        });
    }
    if message.is::<Lost>() {
        let lost: Lost = message.decode().map_err(failed)?;
        output::note(&format!(
            "{} bytes were overwritten before they could be read",
            lost.bytes
        ));
        return Ok(Next::More);
    }
    if message.is::<Redirect>() {
        return Ok(Next::At(message.decode::<Redirect>().map_err(failed)?.socket));
    }
    if message.is::<End>() {
        return Ok(Next::Done);
    }
    let text = format!("unexpected message with key {:016x}", message.key);
    Err(failed(Fault::new(Code::Protocol, text)))
}
