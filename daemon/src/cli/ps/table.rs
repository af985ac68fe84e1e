//! The table of environments, one a line.

use gshell_control::Job;

use crate::cli::time;

/// Characters of a column for group or name; a longer name is cut, a longer group widens its column.
const WIDTH: usize = 18;

/// Characters that are left of a name that is cut.
const CUT: usize = 13;

/// The table with its header.
pub fn text(jobs: &[Job]) -> String {
    let width = jobs
        .iter()
        .map(|job| job.group.chars().count())
        .fold(WIDTH, usize::max);
    let mut text = format!(
        "{:<12}  {:<width$}  {:<WIDTH$}  {:<19}  STATUS\n",
        "GRE ID", "IN GROUP", "NAME", "START AT (UTC)"
    );
    for job in jobs {
        text.push_str(&format!(
            "{:<12}  {:<width$}  {:<WIDTH$}  {:<19}  {:<10} {}\n",
            job.id,
            printable(&job.group),
            shorten(&printable(&job.name)),
            time::table(if job.started_ms > 0 {
                job.started_ms
            } else {
                job.created_ms
            }),
            job.status(),
            job.duration()
        ));
    }
    text
}

fn shorten(name: &str) -> String {
    match name.chars().count() > WIDTH {
        true => name.chars().take(CUT).chain("...".chars()).collect(),
        false => name.to_owned(),
    }
}

/// A name without characters that would break the table or drive the terminal.
pub fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table() {
        let want = "\
GRE ID        IN GROUP            NAME                START AT (UTC)       STATUS
00aa11bb22cc  web-0.1.0           a-rather-long...    2006/01/02 15:04:05  running    12.3s
ff0011223344  x-0.1.0             b.lua               2006/01/02 15:04:05  exited:ERR, gave up 1.0s
";
        assert_eq!(text(&super::super::samples::jobs()), want);
    }

    #[test]
    fn odd_names_keep_the_columns() {
        let job = Job {
            name: "a\u{1b}[31m\nb".into(),
            group: "g".repeat(40),
            ..Job::default()
        };
        let text = text(&[job]);
        assert_eq!(text.lines().count(), 2);
        assert!(!text.contains('\u{1b}'));
        let columns: Vec<usize> = text
            .lines()
            .map(|line| line.find("  START").or(line.find("  -")).unwrap())
            .collect();
        assert_eq!(columns[0], columns[1]);
    }
}
