//! Wall time as tables and JSON show it.
//!
//! Always UTC: boards have no time zone more often than the right one, and a time that says so is never wrong.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The last moment that has a four-digit year, in milliseconds since 1970.
const LAST_MS: i64 = 253_402_300_799_999;

/// Date and time for a table, such as `2006/01/02 15:04:05`; `-` when there is none (0).
pub fn table(ms: i64) -> String {
    let Some(time) = moment(ms) else {
        return "-".to_owned();
    };
    let text = humantime::format_rfc3339_seconds(time).to_string();
    text.trim_end_matches('Z').replace('-', "/").replace('T', " ")
}

/// The moment as RFC 3339 with milliseconds; `None` when there is none (0).
pub fn rfc3339(ms: i64) -> Option<String> {
    Some(humantime::format_rfc3339_millis(moment(ms)?).to_string())
}

fn moment(ms: i64) -> Option<SystemTime> {
    let ms = u64::try_from(ms.min(LAST_MS)).ok().filter(|ms| *ms > 0)?;
    UNIX_EPOCH.checked_add(Duration::from_millis(ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms() {
        let ms = 1_136_214_245_678;
        assert_eq!(table(ms), "2006/01/02 15:04:05");
        assert_eq!(rfc3339(ms).as_deref(), Some("2006-01-02T15:04:05.678Z"));
    }

    #[test]
    fn odd_times_do_no_harm() {
        for none in [0, -1, i64::MIN] {
            assert_eq!((table(none).as_str(), rfc3339(none)), ("-", None));
        }
        assert_eq!(table(i64::MAX), "9999/12/31 23:59:59");
    }
}
