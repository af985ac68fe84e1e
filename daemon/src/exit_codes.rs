//! The exit statuses of the command line: what scripts and service managers may rely on.
//!
//! They are written down in `docs/exit-codes.md` and at the end of `gshell --help`; a number is never given another
//! meaning.

use std::process::ExitCode;

use gshell_wire::{Code, Fault};

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It did what it was asked to.
    Ok,
    /// It failed, for a reason without a number of its own.
    Error,
    /// The command line is wrong; nothing was done.
    Usage,
    /// What was named does not exist: nothing matched.
    NotFound,
    /// The node, or the service, cannot be reached.
    Unreachable,
    /// It exists, and the request was refused in its present state or for this user.
    Refused,
    /// A limit was reached; the message names it.
    Limit,
    /// The exit status of the script or program itself (`run -i`, `exec`, `attach`), or of the daemon.
    Script(u8),
}

/// What `gshell --help` says about exit statuses.
pub const HELP: &str = "\
Exit status:
  0 done, 1 error, 2 wrong usage, 3 nothing matched, 4 node not reachable,
  5 refused, 6 a limit was reached.
  'run -i', 'exec' and 'attach' exit with the script's own status: what it
  gave to os.exit, 1 after an error, 128 plus the signal that ended it, 137
  when it was killed, 130 after Ctrl-C.";

impl Status {
    /// The number that the parent process gets.
    pub const fn number(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Error => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::Unreachable => 4,
            Self::Refused => 5,
            Self::Limit => 6,
            Self::Script(code) => code,
        }
    }

    /// The status for an error that a service answered with.
    pub fn of_fault(fault: &Fault) -> Self {
        Self::of_code(fault.code())
    }

    /// The status for several things that were refused with these codes: that of a real refusal, because it is the
    /// one that trying again does not help; else that of the first.
    pub fn of_refusals(codes: impl Iterator<Item = u16>) -> Option<Self> {
        let mut status = None;
        for code in codes {
            let this = Self::of_code(Code::from_u16(code));
            if status.is_none() || this == Self::Refused {
                status = Some(this);
            }
        }
        status
    }

    fn of_code(code: Option<Code>) -> Self {
        match code {
            Some(Code::NotFound) => Self::NotFound,
            Some(Code::Unreachable | Code::Timeout | Code::Version) => Self::Unreachable,
            Some(Code::Denied | Code::State | Code::Busy | Code::Exists | Code::Stopped) => Self::Refused,
            Some(Code::Limit) => Self::Limit,
            _ => Self::Error,
        }
    }
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(status.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_fixed() {
        let all = [
            (Status::Ok, 0),
            (Status::Error, 1),
            (Status::Usage, 2),
            (Status::NotFound, 3),
            (Status::Unreachable, 4),
            (Status::Refused, 5),
            (Status::Limit, 6),
            (Status::Script(130), 130),
        ];
        for (status, number) in all {
            assert_eq!(status.number(), number);
        }
    }

    #[test]
    fn refusals_weigh_more_than_lost_connections() {
        let status = |codes: &[Code]| Status::of_refusals(codes.iter().map(|code| *code as u16));
        assert_eq!(status(&[]), None);
        assert_eq!(
            status(&[Code::Unreachable, Code::Storage]),
            Some(Status::Unreachable)
        );
        assert_eq!(status(&[Code::Unreachable, Code::State]), Some(Status::Refused));
        assert_eq!(status(&[Code::Busy, Code::Timeout]), Some(Status::Refused));
    }

    #[test]
    fn faults_have_a_status() {
        for (code, want) in [
            (Code::NotFound, Status::NotFound),
            (Code::Unreachable, Status::Unreachable),
            (Code::State, Status::Refused),
            (Code::Denied, Status::Refused),
            (Code::Limit, Status::Limit),
            (Code::Internal, Status::Error),
            (Code::Invalid, Status::Error),
        ] {
            assert_eq!(Status::of_fault(&Fault::new(code, "x")), want);
        }
        assert_eq!(
            Status::of_fault(&Fault::from(gshell_wire::FaultParts {
                code: 999,
                message: String::new(),
                cause: None
            })),
            Status::Error
        );
    }
}
