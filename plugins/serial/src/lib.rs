//! The plugin `serial`: serial ports.

mod failure;
mod line;
mod settings;

/// Bytes that one read gives at most.
const READ_MAX: u32 = 1 << 20;

#[gshell_plugin_sdk::plugin(name = "serial")]
mod plugin {
    use gshell_plugin_sdk::{Call, Code, Error, Fields, Result, Wait};
    use serial2::SerialPort;

    use super::READ_MAX;
    use crate::line::Line;
    use crate::settings::{NAMES, Present, Wanted};

    /// How to open a port.
    #[derive(Default, Fields)]
    pub struct Options {
        baud: Option<u32>,
        data: Option<u8>,
        parity: Option<String>,
        stop: Option<u8>,
        flow: Option<String>,
        exclusive: Option<bool>,
    }

    /// What to read.
    #[derive(Default, Fields)]
    pub struct Amount {
        min: Option<u32>,
        max: Option<u32>,
        timeout: Option<f64>,
    }

    /// How long to read for a delimiter.
    #[derive(Default, Fields)]
    pub struct Bounds {
        max: Option<u32>,
        timeout: Option<f64>,
    }

    /// The lines that the other side drives.
    #[derive(Fields)]
    pub struct Signals {
        cts: bool,
        dsr: bool,
        ri: bool,
        cd: bool,
    }

    /// An open port.
    #[derive(Debug)]
    pub struct Port {
        line: Option<Line>,
    }

    /// Paths of the serial ports that this machine has.
    #[function]
    fn ports() -> Result<Vec<String>> {
        let ports = SerialPort::available_ports()
            .map_err(|error| Error::new(Code::Storage, format!("/sys/class/tty: {error}")))?;
        let mut names: Vec<String> = ports
            .iter()
            .map(|path| path.to_string_lossy().into_owned())
            .collect();
        names.sort_unstable();
        Ok(names)
    }

    /// Opens a port, raw: `baud` 115200, `data` bits 8, `parity` "none", "even" or "odd", `stop` bits 1, `flow` "none",
    /// "hardware" or "software"; `exclusive` is false to share it with others who open it.
    #[function(blocking)]
    fn open(call: &Call<'_>, path: &str, options: Option<Options>) -> Result<Port> {
        call.only(2, &["baud", "data", "parity", "stop", "flow", "exclusive"])?;
        let options = options.unwrap_or_default();
        let wanted = Wanted {
            baud: options.baud,
            data: options.data,
            parity: options.parity,
            stop: options.stop,
            flow: options.flow,
        };
        let line = Line::open(path, &wanted, options.exclusive.unwrap_or(true))?;
        Ok(Port { line: Some(line) })
    }

    fn closed() -> Error {
        Error::new(Code::State, "the port is closed")
    }

    impl Port {
        fn line(&self) -> Result<&Line> {
            self.line.as_ref().ok_or_else(closed)
        }

        fn line_mut(&mut self) -> Result<&mut Line> {
            self.line.as_mut().ok_or_else(closed)
        }
    }

    #[object]
    impl Port {
        /// Reads `min` (1) to `max` (4096) bytes within `timeout` seconds, or without end; fewer or none when time is up.
        #[method(blocking)]
        fn read(&mut self, call: &Call<'_>, amount: Option<Amount>) -> Result<Vec<u8>> {
            call.only(2, &["min", "max", "timeout"])?;
            let amount = amount.unwrap_or_default();
            let min = amount.min.unwrap_or(1).max(1);
            let max = bounded(amount.max.unwrap_or(min.max(4096)))?;
            if min > max {
                let text = format!("at least {min} and at most {max} bytes is nothing");
                return Err(Error::new(Code::Invalid, text));
            }
            let mut wait = Wait::new(call, amount.timeout)?;
            self.line_mut()?.read(min as usize, max as usize, &mut wait)
        }

        /// Reads up to a delimiter ("\n"), of at most `max` bytes (65536), within `timeout` seconds, or without end. Gives
        /// what came before it; nil when time is up, and what has come is there for the next call.
        #[method(blocking)]
        fn read_until(
            &mut self,
            call: &Call<'_>,
            delimiter: Option<&[u8]>,
            bounds: Option<Bounds>,
        ) -> Result<Option<Vec<u8>>> {
            call.only(3, &["max", "timeout"])?;
            let delimiter = delimiter.unwrap_or(b"\n");
            if delimiter.is_empty() {
                return Err(Error::new(Code::Invalid, "a delimiter has at least one byte"));
            }
            let bounds = bounds.unwrap_or_default();
            let max = bounded(bounds.max.unwrap_or(65_536))?;
            let mut wait = Wait::new(call, bounds.timeout)?;
            self.line_mut()?.read_until(delimiter, max as usize, &mut wait)
        }

        /// Writes all bytes within so many seconds, or without end. The system sends them: see drain.
        #[method(blocking)]
        fn write(&mut self, call: &Call<'_>, bytes: &[u8], timeout: Option<f64>) -> Result<()> {
            let mut wait = Wait::new(call, timeout)?;
            self.line_mut()?.write(bytes, &mut wait)
        }

        /// Waits until everything that was written has been sent, as long as flow control lets it.
        #[method(blocking)]
        fn drain(&mut self) -> Result<()> {
            let line = self.line()?;
            line.checked(line.port().flush())
        }

        /// Throws away what has come and was not read ("input"), what was written and not sent ("output"), or both.
        #[method]
        fn discard(&mut self, what: Option<&str>) -> Result<()> {
            let (input, output) = match what {
                None => (true, true),
                Some("input") => (true, false),
                Some("output") => (false, true),
                Some(other) => {
                    let text = format!("\"input\", \"output\" or nothing can be discarded, not {other:?}");
                    return Err(Error::new(Code::Invalid, text));
                }
            };
            let line = self.line_mut()?;
            if input {
                line.discard_input()?;
            }
            if output {
                line.checked(line.port().discard_output_buffer())?;
            }
            Ok(())
        }

        /// Sends a break of so many seconds, 0.25 without a number.
        #[method(blocking)]
        fn send_break(&mut self, call: &Call<'_>, seconds: Option<f64>) -> Result<()> {
            let mut wait = Wait::new(call, Some(seconds.unwrap_or(0.25)))?;
            self.line()?.send_break(&mut wait)
        }

        /// Whether the other side says: clear to send, data set ready, ring, carrier.
        #[method]
        fn signals(&self) -> Result<Signals> {
            let line = self.line()?;
            Ok(Signals {
                cts: line.modem(line.port().read_cts())?,
                dsr: line.modem(line.port().read_dsr())?,
                ri: line.modem(line.port().read_ri())?,
                cd: line.modem(line.port().read_cd())?,
            })
        }

        /// Drives the line "data terminal ready".
        #[method]
        fn set_dtr(&self, on: bool) -> Result<()> {
            let line = self.line()?;
            line.modem(line.port().set_dtr(on))
        }

        /// Drives the line "request to send".
        #[method]
        fn set_rts(&self, on: bool) -> Result<()> {
            let line = self.line()?;
            line.modem(line.port().set_rts(on))
        }

        /// The settings that it has.
        #[method]
        fn settings(&self) -> Result<Present> {
            let line = self.line()?;
            Ok(Present::of(&line.checked(line.port().get_configuration())?))
        }

        /// Changes settings, once everything that was written has been sent.
        #[method(blocking)]
        fn configure(&mut self, call: &Call<'_>, settings: Wanted) -> Result<()> {
            call.only(2, &NAMES)?;
            self.line_mut()?.configure(&settings)
        }

        /// Another handle of the port: for a task that writes while this one waits for something to read.
        #[method]
        fn clone(&self) -> Result<Port> {
            let line = Some(self.line()?.share()?);
            Ok(Port { line })
        }

        /// Its path.
        #[method]
        fn path(&self) -> Result<String> {
            Ok(self.line()?.path().to_owned())
        }

        /// Closes this handle; the port is closed with its last one.
        #[method(blocking)]
        fn close(&mut self) {
            drop(self.line.take());
        }
    }

    fn bounded(max: u32) -> Result<u32> {
        if max <= READ_MAX {
            return Ok(max);
        }
        let text = format!("one read gives {READ_MAX} bytes at most, not {max}");
        Err(Error::new(Code::Limit, text))
    }
}
