//! An environment as JSON: a format that programs rely on, so it is apart from the table and from the messages.
//! Names are never changed; new ones are added at the end.

use gshell_control::{Job, LastExit};
use serde::Serialize;

use crate::cli::time;

/// One environment.
#[derive(Debug, Serialize)]
pub struct Row<'a> {
    id: &'a str,
    group: &'a str,
    name: &'a str,
    args: &'a [String],
    state: &'static str,
    exit: Option<&'static str>,
    error: Option<&'a str>,
    code: Option<i32>,
    /// RFC 3339; null before the first start.
    started_at: Option<String>,
    duration_ms: u64,
    restarts: u32,
    /// Null while there is no process.
    pid: Option<i32>,
    kind: &'static str,
    signal: Option<i32>,
    traceback: Option<&'a str>,
    gave_up: bool,
    /// `"0"`, a number, or `"always"`.
    restart: String,
    restarts_left: u32,
    auto_remove: bool,
    interactive: bool,
    /// Bytes; 0 is the group's default.
    memory: u64,
    requester_uid: u32,
    requester: &'a str,
    package: &'a str,
    main: &'a str,
    created_at: Option<String>,
    ended_at: Option<String>,
    unsaved: Option<&'a str>,
    last_exits: Vec<Exit<'a>>,
}

#[derive(Debug, Serialize)]
struct Exit<'a> {
    ended_at: Option<String>,
    exit: &'static str,
    code: Option<i32>,
    error: Option<&'a str>,
    tail: &'a str,
}

impl<'a> Row<'a> {
    /// The row for `job`.
    pub fn of(job: &'a Job) -> Self {
        Self {
            id: &job.id,
            group: &job.group,
            name: &job.name,
            args: &job.args,
            state: job.state.as_str(),
            exit: job.exit.map(gshell_control::Exit::as_str),
            error: job.error.as_deref(),
            code: job.code,
            started_at: time::rfc3339(job.started_ms),
            duration_ms: job.duration_ms,
            restarts: job.restarts,
            pid: (job.pid > 0).then_some(job.pid),
            kind: job.kind.as_str(),
            signal: job.signal,
            traceback: job.traceback.as_deref(),
            gave_up: job.gave_up,
            restart: job.restart.to_string(),
            restarts_left: job.restarts_left,
            auto_remove: job.auto_remove,
            interactive: job.interactive,
            memory: job.memory,
            requester_uid: job.requester.uid,
            requester: &job.requester.process,
            package: &job.package,
            main: &job.main,
            created_at: time::rfc3339(job.created_ms),
            ended_at: time::rfc3339(job.ended_ms),
            unsaved: job.unsaved.as_deref(),
            last_exits: job.last_exits.iter().map(Exit::of).collect(),
        }
    }
}

impl<'a> Exit<'a> {
    fn of(exit: &'a LastExit) -> Self {
        Self {
            ended_at: time::rfc3339(exit.ended_ms),
            exit: exit.exit.as_str(),
            code: exit.code,
            error: exit.error.as_deref(),
            tail: &exit.tail,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_programs_rely_on() {
        let jobs = super::super::samples::jobs();
        let rows: Vec<Row<'_>> = jobs.iter().map(Row::of).collect();
        let value = serde_json::to_value(&rows).unwrap();
        let first = &value[0];
        assert_eq!(first["id"], "00aa11bb22cc");
        assert_eq!(first["args"], serde_json::json!(["-n", "two words"]));
        assert_eq!(
            (&first["state"], &first["exit"]),
            (&"running".into(), &serde_json::Value::Null)
        );
        assert_eq!(first["started_at"], "2006-01-02T15:04:05.678Z");
        assert_eq!(
            (&first["duration_ms"], &first["restarts"], &first["pid"]),
            (&12345.into(), &2.into(), &812.into())
        );
        let second = &value[1];
        assert_eq!(
            (&second["state"], &second["exit"]),
            (&"exited".into(), &"error".into())
        );
        assert_eq!(
            (&second["code"], &second["pid"]),
            (&1.into(), &serde_json::Value::Null)
        );
        assert_eq!(second["error"], "main.lua:3: no\nway");
        assert_eq!(second["last_exits"][0]["tail"], "one\ntwo\n");
    }

    #[test]
    fn the_promised_fields_come_first() {
        let job = Job::default();
        let text = serde_json::to_string(&Row::of(&job)).unwrap();
        assert!(text.starts_with(
            r#"{"id":"","group":"","name":"","args":[],"state":"starting","exit":null,"error":null,"code":null,"#
        ));
        assert!(
            text.contains(r#""started_at":null,"duration_ms":0,"restarts":0,"pid":null,"#),
            "{text}"
        );
    }
}
