//! The plugin `compress`: packs and unpacks bytes (gzip, zlib, deflate) and folders (tar, zip).

mod bounds;
mod dates;
mod entries;
mod errors;
mod inflate;
mod place;
mod streams;
mod tarballs;
mod zips;

#[gshell_plugin_sdk::plugin(name = "compress", lua = include_str!("../lua/compress.lua"))]
mod plugin {
    use gshell_plugin_sdk::{Call, Code, Error, Result};

    use crate::bounds::Budget;
    use crate::entries::{Done, Entry, Packing, Unpacking};
    use crate::inflate::Inflater;
    use crate::streams::{self, Encoder, Format};
    use crate::{errors, tarballs, zips};

    /// Bytes that unpacking into memory gives at most when nothing else is said: 16 MiB.
    #[constant]
    pub const MEMORY_LIMIT: u32 = 16 << 20;
    /// Bytes that unpacking into a folder writes at most when nothing else is said: 256 MiB.
    #[constant]
    pub const DISK_LIMIT: u32 = 256 << 20;
    /// Entries of an archive at most when nothing else is said.
    #[constant]
    pub const ENTRIES_LIMIT: u32 = 65_536;

    fn limit(given: Option<i64>, default: u32) -> Result<u64> {
        let given = given.unwrap_or(default.into());
        u64::try_from(given).map_err(|_| errors::invalid(format!("a limit is 0 or more, not {given}")))
    }

    fn budget(given: Option<Unpacking>) -> Result<Budget> {
        let given = given.unwrap_or_default();
        let entries = given.entries.unwrap_or(ENTRIES_LIMIT);
        Ok(Budget::new(limit(given.limit, DISK_LIMIT)?, entries))
    }

    /// Packs bytes: `gzip`, `zlib` or `deflate`, with a level from 0 to 9.
    #[function(blocking)]
    fn pack(format: &str, bytes: &[u8], level: Option<u32>) -> Result<Vec<u8>> {
        let mut encoder = Encoder::new(Format::named(format)?, streams::level(level)?);
        let mut packed = encoder.add(bytes)?;
        packed.append(&mut encoder.finish()?);
        Ok(packed)
    }

    /// Unpacks bytes to so many bytes at most.
    #[function(blocking)]
    fn unpack(call: &Call<'_>, format: &str, bytes: &[u8], limit: Option<i64>) -> Result<Vec<u8>> {
        streams::unpack(
            call,
            Format::named(format)?,
            bytes,
            self::limit(limit, MEMORY_LIMIT)?,
        )
    }

    /// Packs what comes in pieces.
    pub struct Packer(Option<Encoder>);

    /// A packer of pieces: `gzip`, `zlib` or `deflate`, with a level from 0 to 9.
    #[function]
    fn packer(format: &str, level: Option<u32>) -> Result<Packer> {
        Ok(Packer(Some(Encoder::new(
            Format::named(format)?,
            streams::level(level)?,
        ))))
    }

    fn ended() -> Error {
        Error::new(Code::State, "it has ended")
    }

    #[object]
    impl Packer {
        /// Adds a piece; gives what is packed by now, which may be nothing.
        #[method(blocking)]
        fn write(&mut self, bytes: &[u8]) -> Result<Vec<u8>> {
            self.0.as_mut().ok_or_else(ended)?.add(bytes)
        }

        /// Ends; gives the rest.
        #[method(blocking)]
        fn finish(&mut self) -> Result<Vec<u8>> {
            self.0.take().ok_or_else(ended)?.finish()
        }
    }

    /// Unpacks what comes in pieces.
    pub struct Unpacker(Option<Inflater>);

    /// An unpacker of pieces, which become so many bytes at most.
    #[function]
    fn unpacker(format: &str, limit: Option<i64>) -> Result<Unpacker> {
        let limit = self::limit(limit, MEMORY_LIMIT)?;
        Ok(Unpacker(Some(Inflater::new(Format::named(format)?, limit))))
    }

    #[object]
    impl Unpacker {
        /// Adds a piece; gives what is unpacked by now, which may be nothing.
        #[method(blocking)]
        fn write(&mut self, bytes: &[u8]) -> Result<Vec<u8>> {
            let mut out = Vec::new();
            let done = self.0.as_mut().ok_or_else(ended)?.add(bytes, &mut out);
            if done.is_err() {
                self.0 = None;
            }
            done.map(|()| out)
        }

        /// Ends. An error when something is missing.
        #[method(blocking)]
        fn finish(&mut self) -> Result<&'static [u8]> {
            self.0.take().ok_or_else(ended)?.finish().map(|()| &[][..])
        }
    }

    /// The entries of a tar, or of one with gzip around it.
    #[function(blocking)]
    fn tar_list(call: &Call<'_>, path: &str, entries: Option<u32>) -> Result<Vec<Entry>> {
        tarballs::list(
            call,
            path,
            Budget::new(u64::MAX, entries.unwrap_or(ENTRIES_LIMIT)),
        )
    }

    /// The content of a file in a tar, of so many bytes at most.
    #[function(blocking)]
    fn tar_read(call: &Call<'_>, path: &str, name: &str, limit: Option<i64>) -> Result<Vec<u8>> {
        tarballs::read(call, path, name, self::limit(limit, MEMORY_LIMIT)?)
    }

    /// Unpacks a tar into a folder.
    #[function(blocking)]
    fn tar_extract(call: &Call<'_>, path: &str, folder: &str, options: Option<Unpacking>) -> Result<Done> {
        tarballs::extract(call, path, folder, budget(options)?)
    }

    /// Packs a folder into a tar.
    #[function(blocking)]
    fn tar_create(call: &Call<'_>, path: &str, folder: &str, options: Option<Packing>) -> Result<Done> {
        tarballs::create(call, path, folder, &options.unwrap_or_default())
    }

    /// The entries of a zip.
    #[function(blocking)]
    fn zip_list(call: &Call<'_>, path: &str, entries: Option<u32>) -> Result<Vec<Entry>> {
        zips::list(
            call,
            path,
            Budget::new(u64::MAX, entries.unwrap_or(ENTRIES_LIMIT)),
        )
    }

    /// The content of a file in a zip, of so many bytes at most.
    #[function(blocking)]
    fn zip_read(call: &Call<'_>, path: &str, name: &str, limit: Option<i64>) -> Result<Vec<u8>> {
        zips::read(call, path, name, self::limit(limit, MEMORY_LIMIT)?)
    }

    /// Unpacks a zip into a folder.
    #[function(blocking)]
    fn zip_extract(call: &Call<'_>, path: &str, folder: &str, options: Option<Unpacking>) -> Result<Done> {
        zips::extract(call, path, folder, budget(options)?)
    }

    /// Packs a folder into a zip.
    #[function(blocking)]
    fn zip_create(call: &Call<'_>, path: &str, folder: &str, options: Option<Packing>) -> Result<Done> {
        zips::create(call, path, folder, &options.unwrap_or_default())
    }
}
