//! What runs in an environment: a script or a program of its own, with the same controls.

mod elf;
mod program;
mod script;

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use async_channel::Sender;
use gshell_control::{Exit, Job, Kind, Package};
use gshell_service::Node;

use crate::hub::Hub;

/// How a run ended.
#[derive(Clone, Debug, Default)]
pub struct Ended {
    /// `None`: it ended because it was told to.
    pub exit: Option<Exit>,
    /// Exit status.
    pub code: Option<i32>,
    /// Signal that ended it.
    pub signal: Option<i32>,
    /// Message of the error.
    pub error: Option<String>,
    /// Its traceback.
    pub traceback: Option<String>,
}

impl Ended {
    /// An error that kept it from running.
    pub fn failed(error: impl Into<String>) -> Ended {
        Ended {
            exit: Some(Exit::Error),
            error: Some(error.into()),
            ..Ended::default()
        }
    }
}

/// A run on its executor thread.
pub trait Runner {
    /// Runs it to its end.
    fn run(&self) -> Pin<Box<dyn Future<Output = Ended>>>;
    /// Asks it to end.
    fn stop(&self);
    /// Ends it now.
    fn kill(&self);
    /// Passes a signal of an attached client on, the first time it comes.
    fn interrupt(&self, signal: i32);
    /// Takes standard input; `taken` is told when there is room for more.
    fn input(&self, bytes: Vec<u8>, taken: Sender<()>);
    /// Standard input has ended.
    fn input_end(&self);
    /// The attached terminal has another size.
    fn resized(&self);
}

/// Everything that a run needs, on its way to its thread.
pub struct Order {
    /// The environment.
    pub job: Job,
    /// Its code; empty for a program.
    pub package: Arc<Package>,
    /// The program's file, for a program.
    pub program: PathBuf,
    /// Where its output goes.
    pub hub: Arc<Hub>,
    /// The node that it is run by, where it publishes: that of the group, whatever the environment variables say.
    pub node: Node,
    /// Lua memory limit, bytes.
    pub memory: u64,
    /// Called on the executor thread when a program has its process.
    pub process: Box<dyn Fn(i32) + Send>,
}

impl Order {
    /// Makes the run on the calling thread; the error is how it ended before it began.
    pub fn prepare(self) -> Result<Rc<dyn Runner>, Ended> {
        match self.job.kind {
            Kind::Script => script::prepare(self),
            Kind::Elf => program::prepare(self),
        }
    }
}
