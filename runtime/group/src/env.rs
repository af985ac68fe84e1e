//! The life of one environment: begin, end, stop, restart, remove.
//!
//! The [`Job`] is what everybody sees; this adds what only a living group knows: the run, the timer, who
//! waits. Every step ends in `Group::changed`, so disk and watchers never miss one.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_channel::Sender;
use gshell_control::limits::{KILL_WAIT, STOP_GRACE};
use gshell_control::policy::after_exit;
use gshell_control::{Backoff, Desired, Exit, Job, Next, State};
use gshell_service::rt::{self, Task};
use gshell_sys::clock;
use gshell_wire::{Code, Fault};

use crate::hub::Hub;
use crate::outcome::{Told, finished, how, told_text};
use crate::runner::Ended;
use crate::table::Group;
use crate::worker::Worker;

/// How long an environment that was started attached waits for its client.
const HOLD: Duration = Duration::from_secs(5);

struct Run {
    key: u32,
    worker: Rc<Worker>,
    began: Instant,
}

/// One environment of the group.
pub struct Env {
    id: String,
    pub(crate) job: RefCell<Job>,
    pub(crate) hub: Arc<Hub>,
    run: RefCell<Option<Run>>,
    told: Cell<Told>,
    again: Cell<bool>,
    interrupts: Cell<u32>,
    backoff: RefCell<Backoff>,
    timer: RefCell<Option<Task<()>>>,
    /// When a run that was asked to end is ended: the first to ask sets it, nobody postpones it.
    kill_at: Cell<Option<Instant>>,
    waiting: RefCell<Vec<Sender<()>>>,
    /// It is being removed.
    leaving: Cell<bool>,
}

impl Env {
    pub(crate) fn new(job: Job, hub: Arc<Hub>) -> Rc<Env> {
        Rc::new(Env {
            id: job.id.clone(),
            job: RefCell::new(job),
            hub,
            run: RefCell::default(),
            told: Cell::new(Told::Nothing),
            again: Cell::new(false),
            interrupts: Cell::new(0),
            backoff: RefCell::default(),
            timer: RefCell::default(),
            kill_at: Cell::new(None),
            waiting: RefCell::default(),
            leaving: Cell::new(false),
        })
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn state(&self) -> State {
        self.job.borrow().state
    }

    /// Whether it is being removed: then nothing can be asked of it.
    pub(crate) fn is_leaving(&self) -> bool {
        self.leaving.get()
    }

    pub(crate) fn runs(&self) -> bool {
        self.run.borrow().is_some()
    }

    /// The environment as it is at this moment, with the length of its run so far.
    pub(crate) fn job_now(&self) -> Job {
        let mut job = self.job.borrow().clone();
        if let Some(run) = &*self.run.borrow() {
            job.duration_ms = run.began.elapsed().as_millis() as u64;
        }
        job
    }

    /// Calls `action` on the run's thread.
    pub(crate) fn with_run(&self, action: impl FnOnce(&Rc<dyn crate::runner::Runner>) + Send + 'static) {
        if let Some(run) = &*self.run.borrow() {
            run.worker.with(run.key, action);
        }
    }

    /// Waits until nothing of it runs any more.
    async fn rested(&self) {
        while self.job.borrow().state.is_active() {
            let (send, receive) = async_channel::bounded(1);
            self.waiting.borrow_mut().push(send);
            let _ = receive.recv().await;
        }
    }

    fn set_timer(self: &Rc<Self>, after: Duration, action: fn(&Rc<Group>, &Rc<Env>)) {
        let env = self.clone();
        let task = rt::spawn(async move {
            rt::sleep(after).await;
            // Taken out first: the action may set the next one, and a task must not cancel itself.
            if let Some(task) = env.timer.borrow_mut().take() {
                task.detach();
            }
            if let Some(group) = Group::get() {
                action(&group, &env);
            }
        });
        *self.timer.borrow_mut() = Some(task);
    }
}

impl Group {
    /// Lists a new environment and starts it, or holds it for the client that is going to attach.
    pub(crate) async fn launch(self: &Rc<Self>, job: Job) -> Result<Rc<Env>, Fault> {
        if self.ending.get() {
            return Err(self.ends());
        }
        let hold = job.interactive;
        let env = self.add(job)?;
        if hold {
            env.set_timer(HOLD, |group, env| group.begin(env));
            self.changed(&env);
        } else {
            self.begin(&env);
            self.saver.settled(env.id()).await;
        }
        Ok(env)
    }

    fn ends(&self) -> Fault {
        Fault::new(Code::Stopped, format!("group {} is going to end", self.name))
    }

    /// Starts a run now.
    pub(crate) fn begin(self: &Rc<Self>, env: &Rc<Env>) {
        if env.runs() || self.ending.get() {
            return;
        }
        env.timer.take();
        env.told.set(Told::Nothing);
        env.kill_at.set(None);
        env.interrupts.set(0);
        env.hub.begin();
        env.job
            .borrow_mut()
            .began(clock::wall_ms(), std::process::id() as i32);
        let (key, worker) = (self.next_key(), self.workers.pick());
        *env.run.borrow_mut() = Some(Run {
            key,
            worker: worker.clone(),
            began: Instant::now(),
        });
        match self.order(env) {
            Ok(order) => {
                worker.start(key, order, rt::handle(), run_ended);
                self.neighbours_changed();
                self.changed(env);
            }
            Err(error) => {
                env.hub.write(2, format!("{error}\n").as_bytes());
                run_ended(key, Ended::failed(error));
            }
        }
    }

    fn ended(self: &Rc<Self>, env: &Rc<Env>, ended: Ended) {
        let Some(run) = env.run.take() else { return };
        run.worker.ended();
        env.timer.take();
        env.hub.flush();
        let ran_ms = run.began.elapsed().as_millis() as u64;
        let told = env.told.replace(Told::Nothing);
        let exit = how(told, &ended);
        {
            let mut job = env.job.borrow_mut();
            job.code = ended.code;
            job.signal = ended.signal;
            job.error = ended.error.or_else(|| told_text(told, exit));
            job.traceback = ended.traceback;
            job.ended(clock::wall_ms(), ran_ms, exit, env.hub.tail());
        }
        crate::sessions::forget(&self.run_dir, &self.name, env.id());
        self.neighbours_changed();
        if env.again.replace(false) && !self.ending.get() {
            env.job.borrow_mut().rearm();
            return self.begin(env);
        }
        if told == Told::Nothing && !self.ending.get() {
            self.apply_policy(env, exit, ran_ms);
        }
        self.settle(env);
    }

    fn apply_policy(self: &Rc<Self>, env: &Rc<Env>, exit: Exit, ran_ms: u64) {
        let mut job = env.job.borrow_mut();
        let next = after_exit(
            exit,
            job.restart,
            job.restarts_left,
            &mut env.backoff.borrow_mut(),
            ran_ms,
        );
        match next {
            Next::Done => {}
            Next::GaveUp => job.gave_up = true,
            Next::RestartIn(delay) => {
                job.state = State::Backoff;
                job.desired = Desired::Run;
                job.restarts_left = job.restarts_left.saturating_sub(1);
                env.set_timer(delay, |group, env| {
                    env.job.borrow_mut().restarts += 1;
                    group.begin(env);
                });
            }
        }
    }

    /// A run ended with the process before this one: its policy goes on from there.
    pub(crate) fn ended_before(self: &Rc<Self>, env: &Rc<Env>, exit: Exit, ran_ms: u64) {
        self.apply_policy(env, exit, ran_ms);
        self.settle(env);
    }

    /// After a run: tells everybody, and removes what is to be removed.
    fn settle(self: &Rc<Self>, env: &Rc<Env>) {
        self.changed(env);
        let (state, remove) = {
            let job = env.job.borrow();
            (job.state, job.auto_remove)
        };
        if state.is_active() {
            return;
        }
        env.hub.finish(finished(&env.job.borrow()));
        if remove && !self.ending.get() {
            self.forget(env);
        }
        for waiting in env.waiting.take() {
            let _ = waiting.try_send(());
        }
    }

    /// Nobody can do anything with it any more; it is listed until its record is gone.
    fn forget(self: &Rc<Self>, env: &Rc<Env>) {
        if env.leaving.replace(true) {
            return;
        }
        self.saver.remove(env.id());
        let (group, env) = (self.clone(), env.clone());
        rt::spawn(async move {
            group.saver.settled(env.id()).await;
            let _ = crate::logs::remove(&crate::logs_dir(&group.run_dir, &group.name), env.id());
            group.envs.borrow_mut().remove(env.id());
            group.watchers.removed(env.id());
        })
        .detach();
    }

    /// Asks a run to end and ends it after `grace`; waits for that.
    pub(crate) async fn stop(self: &Rc<Self>, env: &Rc<Env>, grace: Duration) -> Result<(), Fault> {
        if !env.state().is_active() {
            return Err(not_running(env));
        }
        env.again.set(false);
        self.ask_to_stop(env, Some(grace));
        let most = grace + KILL_WAIT;
        match rt::timeout(most, env.rested()).await {
            Some(()) => Ok(()),
            None => Err(Fault::new(
                Code::Timeout,
                format!("{} did not end within {most:?}", env.id()),
            )),
        }
    }

    /// Asks a run to end; with `grace`, it is ended when that is over.
    pub(crate) fn ask_to_stop(self: &Rc<Self>, env: &Rc<Env>, grace: Option<Duration>) {
        if !env.runs() {
            return self.end_without_run(env);
        }
        if env.told.get() == Told::Nothing {
            env.told.set(Told::Stop);
            let mut job = env.job.borrow_mut();
            job.state = State::Stopping;
            // A restart that is cut short starts again when the group does.
            job.desired = if env.again.get() {
                Desired::Run
            } else {
                Desired::Rest
            };
            drop(job);
            self.changed(env);
        }
        env.with_run(|run| run.stop());
        if let Some(grace) = grace {
            let at = Instant::now() + grace;
            if env.kill_at.get().is_none_or(|earlier| at < earlier) {
                env.kill_at.set(Some(at));
                env.set_timer(grace, Group::kill_now);
            }
        }
    }

    /// It waits for a client or for its next start: it never gets there.
    fn end_without_run(self: &Rc<Self>, env: &Rc<Env>) {
        env.timer.take();
        {
            let mut job = env.job.borrow_mut();
            let exit = job.exit.unwrap_or(Exit::Killed);
            if job.exit.is_none() {
                job.ended(clock::wall_ms(), 0, Exit::Killed, String::new());
                job.error = Some("stopped before it ran".to_owned());
            }
            job.exit = Some(exit);
            job.state = State::Exited;
            job.desired = Desired::Rest;
        }
        self.settle(env);
    }

    /// Ends a run now, without grace.
    pub(crate) fn kill_now(self: &Rc<Self>, env: &Rc<Env>) {
        if !env.runs() {
            return self.end_without_run(env);
        }
        env.told.set(Told::Kill);
        env.job.borrow_mut().desired = Desired::Rest;
        env.with_run(|run| run.kill());
    }

    /// Ends a run now and waits for that.
    pub(crate) async fn kill(self: &Rc<Self>, env: &Rc<Env>) -> Result<(), Fault> {
        if !env.state().is_active() {
            return Err(not_running(env));
        }
        env.again.set(false);
        self.kill_now(env);
        match rt::timeout(KILL_WAIT, env.rested()).await {
            Some(()) => Ok(()),
            None => Err(Fault::new(
                Code::Timeout,
                format!("{} did not end within {KILL_WAIT:?}", env.id()),
            )),
        }
    }

    /// Starts one that has exited: same ID, same policy.
    pub(crate) fn start_again(self: &Rc<Self>, env: &Rc<Env>) -> Result<(), Fault> {
        if self.ending.get() {
            return Err(self.ends());
        }
        match env.state() {
            State::Exited => {
                env.backoff.borrow_mut().reset();
                let mut job = env.job.borrow_mut();
                job.rearm();
                job.interactive = false;
                drop(job);
                self.begin(env);
                Ok(())
            }
            State::Backoff => {
                env.job.borrow_mut().rearm();
                self.begin(env);
                Ok(())
            }
            state => Err(Fault::new(
                Code::State,
                format!("{} is {state} already", env.id()),
            )),
        }
    }

    /// Stops it, if it runs, and starts it.
    pub(crate) async fn restart(self: &Rc<Self>, env: &Rc<Env>) -> Result<(), Fault> {
        if !env.runs() {
            return self.start_again(env);
        }
        if env.told.get() != Told::Nothing {
            return Err(Fault::new(
                Code::State,
                format!("{} is stopping already", env.id()),
            ));
        }
        env.again.set(true);
        let key = env.run.borrow().as_ref().map(|run| run.key);
        self.ask_to_stop(env, Some(STOP_GRACE));
        let changed = async {
            while env.run.borrow().as_ref().map(|run| run.key) == key {
                rt::sleep(Duration::from_millis(2)).await;
            }
        };
        match rt::timeout(STOP_GRACE + KILL_WAIT, changed).await {
            Some(()) if env.runs() => Ok(()),
            Some(()) => {
                let text = format!("{} was stopped while it restarted", env.id());
                Err(Fault::new(Code::Stopped, text))
            }
            None => {
                env.again.set(false);
                Err(Fault::new(Code::Timeout, format!("{} did not end", env.id())))
            }
        }
    }

    /// Forgets one that has exited: its record and its log.
    pub(crate) fn remove(self: &Rc<Self>, env: &Rc<Env>) -> Result<(), Fault> {
        if env.state().is_active() {
            let text = format!(
                "{} is {}: stop it first (gshell stop), or use -f",
                env.id(),
                env.state()
            );
            return Err(Fault::new(Code::State, text));
        }
        self.forget(env);
        Ok(())
    }

    /// A signal of the attached client: the first asks to end, the second ends.
    pub(crate) fn interrupt(self: &Rc<Self>, env: &Rc<Env>, signal: i32) {
        env.again.set(false);
        let before = env.interrupts.get();
        env.interrupts.set(before + 1);
        if before > 0 {
            return self.kill_now(env);
        }
        if env.told.get() == Told::Nothing && env.runs() {
            env.told.set(Told::Stop);
            let mut job = env.job.borrow_mut();
            job.state = State::Stopping;
            job.desired = Desired::Rest;
            drop(job);
            self.changed(env);
        }
        env.with_run(move |run| run.interrupt(signal));
    }
}

/// Called on the first thread when a run has ended.
fn run_ended(key: u32, ended: Ended) {
    let Some(group) = Group::get() else { return };
    let env = group
        .envs
        .borrow()
        .values()
        .find(|env| env.run.borrow().as_ref().is_some_and(|run| run.key == key))
        .cloned();
    if let Some(env) = env {
        group.ended(&env, ended);
    }
}

fn not_running(env: &Env) -> Fault {
    Fault::new(
        Code::State,
        format!("{} is not running: it is {}", env.id(), env.job.borrow().status()),
    )
}
