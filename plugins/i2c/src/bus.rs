//! An open bus: talks to addresses.

use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt;

use gshell_plugin_sdk::{Code, Error, Result};
use i2cdev::core::{I2CDevice, I2CMessage, I2CTransfer};
use i2cdev::linux::{LinuxI2CDevice, LinuxI2CError, LinuxI2CMessage};

use crate::failure;

/// Addresses of devices; those beside them mean other things.
const FIRST: u16 = 0x03;
const LAST: u16 = 0x77;
/// The address that no device has: what is set while a bus is only opened.
const NOBODY: u16 = 0;
/// Bytes of one transfer, by the kernel's bound.
const TRANSFER_MAX: usize = 8192;
/// Bytes of a block, by SMBus.
const BLOCK_MAX: usize = 32;

/// A bus.
#[derive(Debug)]
pub struct Bus {
    path: String,
    device: LinuxI2CDevice,
    address: u16,
}

/// What is at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    Nobody,
    Somebody,
    /// A driver of the kernel has it: it is not asked.
    Driver,
}

impl Bus {
    /// Opens a bus.
    ///
    /// # Errors
    /// When there is none, it may not be opened, or it is something else.
    pub fn open(path: String) -> Result<Bus> {
        let unopened = |error| failure::unopened(&path, &error);
        // Before it is opened: what is no device may wait for somebody else.
        if !fs::metadata(&path)
            .map_err(unopened)?
            .file_type()
            .is_char_device()
        {
            return Err(failure::no_bus(&path));
        }
        let device = LinuxI2CDevice::new(&path, NOBODY).map_err(|error| unopened(error.into()))?;
        Ok(Bus {
            path,
            device,
            address: NOBODY,
        })
    }

    /// Its path.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Does something with the device at an address.
    ///
    /// # Errors
    /// When it is no device's address, a driver of the kernel has it, or it did not work.
    pub fn talk<T>(
        &mut self,
        address: u16,
        what: impl FnOnce(&mut LinuxI2CDevice) -> Result<T, LinuxI2CError>,
    ) -> Result<T> {
        if !(FIRST..=LAST).contains(&address) {
            let text = format!("devices have addresses from {FIRST:#04x} to {LAST:#04x}, not {address:#04x}");
            return Err(Error::new(Code::Invalid, text));
        }
        let done = self.point(address).and_then(|()| Ok(what(&mut self.device)?));
        done.map_err(|error| failure::untold(&self.path, address, &error))
    }

    fn point(&mut self, address: u16) -> io::Result<()> {
        if address != self.address {
            self.device.set_slave_address(address)?;
            self.address = address;
        }
        Ok(())
    }

    /// Writes bytes, reads bytes, or both in one transfer, in which nobody else gets the bus.
    ///
    /// # Errors
    /// As for [`Bus::talk`], or when there are too many bytes or none at all.
    pub fn transfer(&mut self, address: u16, bytes: Option<&[u8]>, count: Option<u32>) -> Result<Vec<u8>> {
        let count = count.map_or(Ok(None), |count| amount(count as usize, TRANSFER_MAX).map(Some))?;
        if let Some(bytes) = bytes {
            amount(bytes.len(), TRANSFER_MAX)?;
        }
        let mut come = vec![0; count.unwrap_or(0)];
        let mut messages: Vec<LinuxI2CMessage<'_>> = bytes.map(LinuxI2CMessage::write).into_iter().collect();
        if count.is_some() {
            messages.push(LinuxI2CMessage::read(&mut come));
        }
        self.talk(address, |device| device.transfer(&mut messages))?;
        drop(messages);
        Ok(come)
    }

    /// Asks whether somebody is at an address, in the way that changes the least: most devices by a message without
    /// bytes; those where that could write, memories and clocks, by reading a byte.
    ///
    /// # Errors
    /// When the bus can do neither.
    pub fn probe(&mut self, address: u16) -> Result<Found> {
        match self.point(address) {
            Ok(()) => {}
            Err(error) if failure::is_taken(&error) => return Ok(Found::Driver),
            Err(error) => return Err(failure::untold(&self.path, address, &error)),
        }
        let by_reading = matches!(address, 0x30..=0x37 | 0x50..=0x5f);
        let device = &mut self.device;
        let asked = match by_reading {
            true => Err(None),
            false => device
                .smbus_write_quick(false)
                .map_err(|error| Some(io::Error::from(error))),
        };
        let asked = match asked {
            Err(Some(error)) if !failure::is_unable(&error) => Err(error),
            Err(_) => device.smbus_read_byte().map(drop).map_err(io::Error::from),
            Ok(()) => Ok(()),
        };
        match asked {
            Ok(()) => Ok(Found::Somebody),
            Err(error) if failure::is_unable(&error) => Err(failure::untold(&self.path, address, &error)),
            Err(_) => Ok(Found::Nobody),
        }
    }
}

/// A number of bytes, if there may be so many.
///
/// # Errors
/// When there are none or too many.
pub fn amount(bytes: usize, most: usize) -> Result<usize> {
    if (1..=most).contains(&bytes) {
        return Ok(bytes);
    }
    let text = format!("1 to {most} bytes go at once, not {bytes}");
    Err(Error::new(Code::Limit, text))
}

/// As [`amount`], of a block of SMBus.
///
/// # Errors
/// When there are none or too many.
pub fn block(bytes: usize) -> Result<u8> {
    amount(bytes, BLOCK_MAX).map(|bytes| bytes as u8)
}
