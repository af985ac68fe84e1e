//! Errors of SQLite as those of scripts, with the database's path in front.

use gshell_plugin_sdk::{Code, Error};
use rusqlite::ErrorCode;

/// What SQLite or rusqlite says, as an error of ours.
pub fn of(path: &str, error: &rusqlite::Error) -> Error {
    Error::new(code(error), format!("{path}: {}", text(error)))
}

fn text(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqlInputError { msg, offset, .. } if *offset >= 0 => {
            format!("{msg} (at character {} of the SQL)", offset + 1)
        }
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        rusqlite::Error::SqliteFailure(_, Some(text)) => text.clone(),
        rusqlite::Error::MultipleStatement => {
            "several statements at once; exec takes them when it has no parameters".to_owned()
        }
        other => other.to_string(),
    }
}

fn code(error: &rusqlite::Error) -> Code {
    let Some(code) = error.sqlite_error_code() else {
        return Code::Invalid;
    };
    match code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Code::Busy,
        ErrorCode::OperationInterrupted => Code::Cancelled,
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::AuthorizationForStatementDenied => {
            Code::Denied
        }
        ErrorCode::ConstraintViolation if is_unique(error) => Code::Exists,
        ErrorCode::TooBig | ErrorCode::OutOfMemory => Code::Limit,
        ErrorCode::CannotOpen => Code::NotFound,
        ErrorCode::DiskFull
        | ErrorCode::SystemIoFailure
        | ErrorCode::DatabaseCorrupt
        | ErrorCode::NotADatabase
        | ErrorCode::FileLockingProtocolFailed
        | ErrorCode::NoLargeFileSupport => Code::Storage,
        _ => Code::Invalid,
    }
}

/// Whether there is a row with the same key already.
fn is_unique(error: &rusqlite::Error) -> bool {
    use rusqlite::ffi::{SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_UNIQUE};
    let extended = error.sqlite_error().map(|error| error.extended_code);
    matches!(
        extended,
        Some(SQLITE_CONSTRAINT_PRIMARYKEY | SQLITE_CONSTRAINT_UNIQUE)
    )
}

/// Whether a query ended because nobody waited for it any more.
pub fn is_interrupted(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted)
}
