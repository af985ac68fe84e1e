//! The processes of a node, each once, however many services it has; and the records of all of them.

use gshell_service::blocking::Client;
use gshell_service::builtin::messages::{TraceRead, TraceRecords};
use gshell_service::trace;
use gshell_service::trace::record::Record;

use crate::cli::failure::Failure;
use crate::cli::link::Global;
use crate::cli::output;
use crate::cli::service::{self, EACH};
use crate::exit_codes::Status;

/// No trace has it: asks for nothing but the name of a process.
const NO_TOKEN: &str = "-";

/// A process that has a service.
pub struct Process {
    /// What it calls itself: a name, and its number.
    pub name: String,
    /// Connection to one of its services.
    pub client: Client,
}

/// The processes behind the services that the patterns mean. That there is none is for the caller to tell.
pub fn processes(global: &Global, patterns: &[String]) -> Result<Vec<Process>, Failure> {
    let request = TraceRead {
        token: NO_TOKEN.to_owned(),
        clear: false,
    };
    let mut all: Vec<Process> = Vec::new();
    for pattern in patterns {
        let found = match service::find(global, pattern) {
            Err(failure) if failure.status == Status::NotFound => continue,
            found => found?,
        };
        for found in found {
            let named = service::connect_to(&found).and_then(|mut client| {
                let answer: TraceRecords = client.call(&request, Some(EACH))?;
                Ok((answer.process, client))
            });
            match named {
                Ok((name, client)) if all.iter().all(|known| known.name != name) => {
                    all.push(Process { name, client });
                }
                Ok(_) => {}
                Err(fault) => output::note(&format!("{} does not answer: {fault}", service::name_of(&found))),
            }
        }
    }
    Ok(all)
}

/// The records of some traces, or of all without tokens, from all processes and from this one.
pub fn records(global: &Global, tokens: &[String], clear: bool) -> Result<Vec<Record>, Failure> {
    let mut found = processes(global, &["*".to_owned()])?;
    let tokens = if tokens.is_empty() {
        &[String::new()]
    } else {
        tokens
    };
    let mut records = Vec::new();
    for token in tokens {
        let request = TraceRead {
            token: token.clone(),
            clear,
        };
        records.append(&mut trace::read(&request).records);
        for process in &mut found {
            match process.client.call::<_, TraceRecords>(&request, Some(EACH)) {
                Ok(mut answer) => {
                    if answer.dropped > 0 {
                        output::note(&format!(
                            "{} had no room for {} records, the oldest",
                            process.name, answer.dropped
                        ));
                    }
                    records.append(&mut answer.records);
                }
                Err(fault) => output::note(&format!("{} does not answer: {fault}", process.name)),
            }
        }
    }
    Ok(records)
}
