//! A Lua script as a run.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use async_channel::Sender;
use gshell_control::{Exit, Job};
use gshell_script::{
    Environment, Input, Limits, LoadError, Outcome, Output, Package, Spec, Stream, app, folders,
};
use gshell_service::rt;
use gshell_small::Map;

use super::{Ended, Order, Runner};
use crate::hub::Hub;

struct ScriptRunner {
    environment: Rc<Environment>,
    input: Input,
    output: Rc<HubOutput>,
}

/// The environment's streams, into its hub.
struct HubOutput(Arc<Hub>);

impl Output for HubOutput {
    fn write(&self, stream: Stream, bytes: &[u8]) {
        let number = match stream {
            Stream::Out => 1,
            Stream::Err => 2,
        };
        if self.0.write(number, bytes) {
            let hub = self.0.clone();
            rt::spawn(async move {
                rt::yield_now().await;
                hub.flush();
            })
            .detach();
        }
    }

    fn congested(&self) -> bool {
        self.0.congested()
    }

    fn drained(&self) -> Pin<Box<dyn Future<Output = ()>>> {
        Box::pin(self.0.drained())
    }

    fn terminal(&self) -> Option<(u16, u16)> {
        self.0.terminal()
    }
}

pub(super) fn prepare(order: Order) -> Result<Rc<dyn Runner>, Ended> {
    let output = Rc::new(HubOutput(order.hub.clone()));
    let input = Input::new();
    if !order.job.interactive {
        input.end();
    }
    let failed = |text: String| {
        output.write(Stream::Err, format!("{text}\n").as_bytes());
        Ended::failed(text)
    };
    let mut spec = spec(&order, output.clone(), input.clone());
    if let Some(plugin) = order.package.app() {
        // The plugin's own, as it is now: the package only names it.
        let source = app(plugin).map_err(|fault| failed(fault.message.clone()))?;
        let files = [(order.package.main.clone(), source.as_bytes().to_vec())];
        spec.package = Rc::new(Package {
            files: files.into(),
            main: order.package.main.clone(),
        });
    }
    let environment = Environment::new(spec).map_err(|error| {
        let mut ended = failed(error.to_string());
        if matches!(error, LoadError::Memory(_)) {
            ended.exit = Some(Exit::Oom);
        }
        ended
    })?;
    Ok(Rc::new(ScriptRunner {
        environment,
        input,
        output,
    }))
}

fn spec(order: &Order, output: Rc<HubOutput>, input: Input) -> Spec {
    let Job {
        id,
        group,
        name,
        args,
        main,
        ..
    } = &order.job;
    let files: Map<_, _> = order
        .package
        .files
        .iter()
        .map(|file| (file.path.clone(), file.data.to_vec()))
        .collect();
    let mut limits = Limits::default();
    if order.memory > 0 {
        limits.memory = order.memory;
    }
    Spec {
        id: id.clone(),
        group: group.clone(),
        name: name.clone(),
        args: std::iter::once(main.clone())
            .chain(args.iter().cloned())
            .collect(),
        package: Rc::new(Package {
            files,
            main: main.clone(),
        }),
        limits,
        output,
        input,
        lua_path: folders::lua(),
        c_path: folders::c(),
        node: Some(order.node.clone()),
    }
}

impl Runner for ScriptRunner {
    fn run(&self) -> Pin<Box<dyn Future<Output = Ended>>> {
        let environment = self.environment.clone();
        let hub = self.output.0.clone();
        Box::pin(async move {
            let outcome = environment.run().await;
            hub.flush();
            ended(outcome)
        })
    }

    fn stop(&self) {
        self.environment.stop();
    }

    fn kill(&self) {
        self.environment.kill();
    }

    fn interrupt(&self, _signal: i32) {
        self.environment.stop();
    }

    fn input(&self, bytes: Vec<u8>, taken: Sender<()>) {
        let input = self.input.clone();
        rt::spawn(async move {
            input.wait_room().await;
            input.push(&bytes);
            let _ = taken.send(()).await;
        })
        .detach();
    }

    fn input_end(&self) {
        self.input.end();
    }

    fn resized(&self) {
        self.environment.resized();
    }
}

fn ended(outcome: Outcome) -> Ended {
    match outcome {
        Outcome::Ok => Ended {
            exit: Some(Exit::Ok),
            code: Some(0),
            ..Ended::default()
        },
        Outcome::Exit(0) => Ended {
            exit: Some(Exit::Ok),
            code: Some(0),
            ..Ended::default()
        },
        Outcome::Exit(code) => Ended {
            exit: Some(Exit::Error),
            code: Some(code),
            error: Some(format!("exit status {code}")),
            ..Ended::default()
        },
        Outcome::Error { message, traceback } => Ended {
            exit: Some(Exit::Error),
            error: Some(message),
            traceback: Some(traceback),
            ..Ended::default()
        },
        Outcome::OutOfMemory { message } => Ended {
            exit: Some(Exit::Oom),
            error: Some(message),
            ..Ended::default()
        },
        Outcome::Stopped | Outcome::Killed => Ended::default(),
    }
}
