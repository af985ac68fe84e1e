//! The plugin `i2c`: devices on I2C buses, also by SMBus.

mod bus;
mod failure;

#[gshell_plugin_sdk::plugin(name = "i2c")]
mod plugin {
    use gshell_plugin_sdk::{Call, Code, Error, Fields, Result, Value};
    use i2cdev::core::I2CDevice;

    use crate::bus::{self, Found, block};

    /// The addresses that a scan asks: those beside them are reserved.
    const SCANNED: std::ops::RangeInclusive<u16> = 0x08..=0x77;

    /// A bus of this machine.
    #[derive(Fields)]
    pub struct Known {
        path: String,
        number: u32,
        name: Option<String>,
    }

    /// An open bus.
    #[derive(Debug)]
    pub struct Bus {
        bus: Option<bus::Bus>,
    }

    /// The buses of this machine: path, number, and what their adapters are called.
    #[function]
    fn buses() -> Result<Vec<Known>> {
        let failed = |error| Error::new(Code::Storage, format!("/dev: {error}"));
        let mut known = Vec::new();
        for entry in std::fs::read_dir("/dev").map_err(failed)? {
            let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
            if let Some(number) = name.strip_prefix("i2c-").and_then(|rest| rest.parse().ok()) {
                let adapter = std::fs::read_to_string(format!("/sys/bus/i2c/devices/{name}/name")).ok();
                known.push(Known {
                    path: format!("/dev/{name}"),
                    number,
                    name: adapter.map(|name| name.trim_end().to_owned()),
                });
            }
        }
        known.sort_unstable_by_key(|bus| bus.number);
        Ok(known)
    }

    /// Opens a bus by its number, its name as in "i2c-1", or its path.
    #[function]
    fn open(bus: Value) -> Result<Bus> {
        let path = match (&bus, bus.as_str()) {
            (Value::Integer(number), _) => format!("/dev/i2c-{number}"),
            (_, Some(path)) if path.contains('/') => path.to_owned(),
            (_, Some(name)) => format!("/dev/{name}"),
            _ => return Err(Error::new(Code::Invalid, "a bus is a number, a name or a path")),
        };
        let bus = Some(bus::Bus::open(path)?);
        Ok(Bus { bus })
    }

    impl Bus {
        fn bus(&mut self) -> Result<&mut bus::Bus> {
            let closed = || Error::new(Code::State, "the bus is closed");
            self.bus.as_mut().ok_or_else(closed)
        }
    }

    #[object]
    impl Bus {
        /// Reads bytes of a device.
        #[method(blocking)]
        fn read(&mut self, address: u16, count: u32) -> Result<Vec<u8>> {
            self.bus()?.transfer(address, None, Some(count))
        }

        /// Writes bytes to a device.
        #[method(blocking)]
        fn write(&mut self, address: u16, bytes: &[u8]) -> Result<()> {
            self.bus()?.transfer(address, Some(bytes), None).map(drop)
        }

        /// Writes bytes and then reads some in one transfer: how most devices give a register.
        #[method(blocking)]
        fn write_read(&mut self, address: u16, bytes: &[u8], count: u32) -> Result<Vec<u8>> {
            self.bus()?.transfer(address, Some(bytes), Some(count))
        }

        /// SMBus: reads a byte without naming a register.
        #[method(blocking)]
        fn receive_byte(&mut self, address: u16) -> Result<u8> {
            self.bus()?.talk(address, |device| device.smbus_read_byte())
        }

        /// SMBus: writes a byte without naming a register.
        #[method(blocking)]
        fn send_byte(&mut self, address: u16, value: u8) -> Result<()> {
            self.bus()?.talk(address, |device| device.smbus_write_byte(value))
        }

        /// SMBus: reads a register of a byte.
        #[method(blocking)]
        fn read_byte(&mut self, address: u16, register: u8) -> Result<u8> {
            self.bus()?
                .talk(address, |device| device.smbus_read_byte_data(register))
        }

        /// SMBus: writes a register of a byte.
        #[method(blocking)]
        fn write_byte(&mut self, address: u16, register: u8, value: u8) -> Result<()> {
            self.bus()?
                .talk(address, |device| device.smbus_write_byte_data(register, value))
        }

        /// SMBus: reads a register of two bytes, the low one first.
        #[method(blocking)]
        fn read_word(&mut self, address: u16, register: u8) -> Result<u16> {
            self.bus()?
                .talk(address, |device| device.smbus_read_word_data(register))
        }

        /// SMBus: writes a register of two bytes, the low one first.
        #[method(blocking)]
        fn write_word(&mut self, address: u16, register: u8, value: u16) -> Result<()> {
            self.bus()?
                .talk(address, |device| device.smbus_write_word_data(register, value))
        }

        /// SMBus: reads a block, of which the device says how long it is.
        #[method(blocking)]
        fn read_block(&mut self, address: u16, register: u8) -> Result<Vec<u8>> {
            self.bus()?
                .talk(address, |device| device.smbus_read_block_data(register))
        }

        /// SMBus: writes a block of 1 to 32 bytes with its length.
        #[method(blocking)]
        fn write_block(&mut self, address: u16, register: u8, bytes: &[u8]) -> Result<()> {
            block(bytes.len())?;
            self.bus()?
                .talk(address, |device| device.smbus_write_block_data(register, bytes))
        }

        /// Reads 1 to 32 bytes from a register on, where a bus does only SMBus.
        #[method(blocking)]
        fn read_registers(&mut self, address: u16, register: u8, count: u32) -> Result<Vec<u8>> {
            let count = block(count as usize)?;
            self.bus()?.talk(address, |device| {
                device.smbus_read_i2c_block_data(register, count)
            })
        }

        /// Writes 1 to 32 bytes from a register on, where a bus does only SMBus.
        #[method(blocking)]
        fn write_registers(&mut self, address: u16, register: u8, bytes: &[u8]) -> Result<()> {
            block(bytes.len())?;
            self.bus()?.talk(address, |device| {
                device.smbus_write_i2c_block_data(register, bytes)
            })
        }

        /// Asks all addresses: gives those where somebody answers, and those that drivers of the kernel have.
        #[method(blocking)]
        fn scan(&mut self, call: &Call<'_>) -> Result<(Vec<u16>, Vec<u16>)> {
            let bus = self.bus()?;
            let (mut answer, mut taken) = (Vec::new(), Vec::new());
            for address in SCANNED {
                if call.is_cancelled() {
                    return Err(Error::new(Code::Cancelled, "nobody waits any more"));
                }
                match bus.probe(address)? {
                    Found::Nobody => {}
                    Found::Somebody => answer.push(address),
                    Found::Driver => taken.push(address),
                }
            }
            Ok((answer, taken))
        }

        /// Its path.
        #[method]
        fn path(&mut self) -> Result<String> {
            Ok(self.bus()?.path().to_owned())
        }

        /// Closes the bus.
        #[method]
        fn close(&mut self) {
            drop(self.bus.take());
        }
    }
}
