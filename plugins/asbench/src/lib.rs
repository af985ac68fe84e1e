//! The plugin `asbench`: the service that the benchmark of the same name calls, as native code in a group.

pub mod messages;

#[gshell_plugin_sdk::plugin(name = "asbench", app = include_str!("../lua/app.lua"))]
mod plugin {
    use gshell_plugin_sdk::{Bytes, Code, Error, Result};

    use crate::messages::{self, Download, DownloadRequest, Upload, UploadRequest};

    /// Largest payload that a download may ask for, in bytes.
    #[constant]
    pub const LARGEST: u32 = messages::LARGEST;

    /// Sends and takes bytes.
    #[derive(Debug)]
    pub struct Asbench;

    /// Sends as many bytes as are asked for, and takes what comes.
    #[service(publisher = "platform", name = "asbench")]
    impl Asbench {
        #[handler]
        fn download(request: DownloadRequest) -> Result<Download> {
            if request.size > LARGEST {
                let text = format!("a download has at most {LARGEST} bytes, not {}", request.size);
                return Err(Error::new(Code::Invalid, text));
            }
            Ok(Download {
                payload: Bytes::from(vec![9; request.size as usize]),
            })
        }

        #[handler]
        fn upload(_request: UploadRequest) -> Upload {
            Upload { code: 0 }
        }
    }
}
