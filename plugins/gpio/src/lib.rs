//! The plugin `gpio`: lines of GPIO chips, by the character device of Linux 5.10 and newer.

mod chip;
mod failure;
mod lines;
mod settings;

#[gshell_plugin_sdk::plugin(name = "gpio")]
mod plugin {
    use gshell_plugin_sdk::{Call, Code, Error, Fields, Result, Value, Wait};

    use crate::settings::{Info, NAMES, Wanted, named};
    use crate::{chip, lines};

    /// A chip of this machine.
    #[derive(Fields)]
    pub struct Found {
        path: String,
        name: Option<String>,
        label: Option<String>,
        lines: Option<u32>,
        problem: Option<String>,
    }

    /// What a chip is.
    #[derive(Fields)]
    pub struct About {
        path: String,
        name: Option<String>,
        label: Option<String>,
        lines: u32,
    }

    /// A chip.
    #[derive(Debug)]
    pub struct Chip {
        chip: chip::Chip,
    }

    /// Lines of a chip, requested.
    #[derive(Debug)]
    pub struct Lines {
        lines: Option<lines::Lines>,
    }

    /// The chips of this machine: path, name, label and number of lines, or the problem of one that cannot be opened.
    #[function]
    fn chips() -> Result<Vec<Found>> {
        let failed = |error| Error::new(Code::Storage, format!("/dev: {error}"));
        let mut names = Vec::new();
        for entry in std::fs::read_dir("/dev").map_err(failed)? {
            let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
            if let Some(number) = name
                .strip_prefix("gpiochip")
                .and_then(|rest| rest.parse::<u32>().ok())
            {
                names.push((number, name));
            }
        }
        names.sort_unstable();
        Ok(names.into_iter().map(|(_, name)| found(&name)).collect())
    }

    fn found(name: &str) -> Found {
        match chip::Chip::open(name) {
            Ok(chip) => Found {
                path: chip.path().to_owned(),
                name: named(&chip.info().name),
                label: named(&chip.info().label),
                lines: Some(chip.info().num_lines),
                problem: None,
            },
            Err(error) => Found {
                path: format!("/dev/{name}"),
                name: None,
                label: None,
                lines: None,
                problem: Some(error.text().to_owned()),
            },
        }
    }

    /// Opens a chip by its path, or by its name as in "gpiochip0".
    #[function]
    fn open(name: &str) -> Result<Chip> {
        chip::Chip::open(name).map(|chip| Chip { chip })
    }

    #[object]
    impl Chip {
        /// Its path, name, label and number of lines.
        #[method]
        fn info(&self) -> About {
            let info = self.chip.info();
            About {
                path: self.chip.path().to_owned(),
                name: named(&info.name),
                label: named(&info.label),
                lines: info.num_lines,
            }
        }

        /// What is known of a line: its name, who uses it, and its settings.
        #[method]
        fn line(&self, number: u32) -> Result<Info> {
            self.chip.line(number)
        }

        /// What is known of all lines.
        #[method]
        fn lines(&self) -> Result<Vec<Info>> {
            self.chip.lines()
        }

        /// The number of the line with this name; nil if none has it.
        #[method]
        fn find(&self, name: &str) -> Result<Option<u32>> {
            self.chip.find(name)
        }

        /// Requests lines, for this process alone: one by its number or name, or a list of these.
        #[method]
        fn request(&self, call: &Call<'_>, lines: Value, options: Option<Wanted>) -> Result<Lines> {
            call.only(3, &NAMES)?;
            let lines = self.chip.request(&lines, &options.unwrap_or_default())?;
            Ok(Lines { lines: Some(lines) })
        }
    }

    fn released() -> Error {
        Error::new(Code::State, "the lines are released")
    }

    impl Lines {
        fn open(&self) -> Result<&lines::Lines> {
            self.lines.as_ref().ok_or_else(released)
        }
    }

    #[object]
    impl Lines {
        /// The numbers of the lines.
        #[method]
        fn numbers(&self) -> Result<Vec<u32>> {
            Ok(self.open()?.offsets().to_vec())
        }

        /// The level of a line of the request, of its only one without a number.
        #[method]
        fn get(&self, line: Option<u32>) -> Result<bool> {
            self.open()?.get(line)
        }

        /// The levels of all of them, as they were requested.
        #[method]
        fn get_all(&self) -> Result<Vec<bool>> {
            self.open()?.get_all()
        }

        /// Sets a line, the only one without a number: true, false, 1 or 0.
        #[method]
        fn set(&self, value: Value, line: Option<u32>) -> Result<()> {
            self.open()?.set(&value, line)
        }

        /// Sets all of them, as they were requested.
        #[method]
        fn set_all(&self, values: Vec<Value>) -> Result<()> {
            self.open()?.set_all(&values)
        }

        /// Changes the settings: what is not said becomes what it is without it.
        #[method]
        fn configure(&mut self, call: &Call<'_>, options: Wanted) -> Result<()> {
            call.only(2, &NAMES)?;
            let lines = self.lines.as_mut().ok_or_else(released)?;
            lines.configure(&options)
        }

        /// Waits for the next edge, so many seconds or without end; nil when time is up.
        #[method(blocking)]
        fn wait(&self, call: &Call<'_>, timeout: Option<f64>) -> Result<Option<lines::Edge>> {
            self.open()?.wait(&mut Wait::new(call, timeout)?)
        }

        /// Another handle of the same lines: for a task that sets or reads them while this one waits.
        #[method]
        fn clone(&self) -> Result<Lines> {
            let lines = Some(self.open()?.share()?);
            Ok(Lines { lines })
        }

        /// Releases the lines, unless another handle has them.
        #[method]
        fn release(&mut self) {
            drop(self.lines.take());
        }
    }
}
