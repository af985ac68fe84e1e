//! Clients (and in the process scope the service as well) as Lua scripts, each in an environment as a group has them.

use std::cell::RefCell;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::rc::Rc;

use gshell_script::{Environment, Input, Limits, Outcome, Output, Package, Spec, Stream};
use gshell_service::{Node, rt};

use crate::figures::Figures;
use crate::native;
use crate::options::Options;

/// Declares the messages of the service.
const MESSAGES: &str = r#"
local gshell = require "gshell"
local Download = gshell.message("asbench.DownloadRequest", "{ name: string, id: i32, size: u32 }")
local Downloaded = gshell.message("asbench.Download", "{ payload: bytes }")
local Upload = gshell.message("asbench.UploadRequest", "{ name: string, id: i32, payload: bytes }")
local Uploaded = gshell.message("asbench.Upload", "{ code: i32 }")
local Stop = gshell.message("asbench.Stop", {})
"#;

const SERVER: &str = r#"
local server = gshell.server { publisher = "platform" }
local bytes, size = "", 0
server:publish("asbench", {
  [Download] = function(request)
    if request.size ~= size then
      size = request.size
      bytes = string.rep("\9", size)
    end
    return Downloaded { payload = bytes }
  end,
  [Upload] = function() return Uploaded { code = 0 } end,
  [Stop] = function() server:close() return Stop {} end,
}, { scope = SCOPE })
server:serve()
"#;

/// Prints calls, seconds, and the percentiles in microseconds. Each task has a stream, as native callers have.
const CLIENT: &str = r#"
local conn = gshell.discover("platform", "asbench", { timeout = 5, scope = SCOPE })
local payload, now = string.rep("\9", SIZE), gshell.now
local function one(stream)
  if DIRECTION == "download" then
    local reply = stream:call(Download, { name = "asbench", id = 1, size = SIZE })
    if #reply.payload ~= SIZE then error "the size is wrong" end
  else
    local reply = stream:call(Upload, { name = "asbench", id = 1, payload = payload })
    if reply.code ~= 0 then error "the upload failed" end
  end
end
local streams = {}
for i = 1, STREAMS do streams[i] = conn:stream() end
for _ = 1, 100 do one(streams[1]) end
local calls, samples, began = 0, {}, now()
local stop = began + SECONDS
local tasks = {}
for i = 1, STREAMS do
  tasks[i] = gshell.spawn(function()
    if CALLS then
      for _ = 1, CALLS do one(streams[i]) end
      calls = calls + CALLS
      return
    end
    local at = now()
    while at < stop do
      one(streams[i])
      local t = now()
      calls = calls + 1
      if calls <= 100000 then samples[calls] = t - at end
      at = t
    end
  end)
end
for i = 1, STREAMS do tasks[i]:join() end
local took = now() - began
table.sort(samples)
local function percentile(p) return (samples[math.max(1, math.ceil(#samples * p / 100))] or 0) * 1e6 end
print(calls, took, percentile(50), percentile(99))
if SCOPE == "process" then pcall(conn.call, conn, Stop, {}) end
"#;

/// What a script prints.
#[derive(Default)]
struct Printed(RefCell<Vec<u8>>);

impl Output for Printed {
    fn write(&self, _: Stream, bytes: &[u8]) {
        self.0.borrow_mut().extend_from_slice(bytes);
    }

    fn congested(&self) -> bool {
        false
    }

    fn drained(&self) -> Pin<Box<dyn Future<Output = ()>>> {
        Box::pin(std::future::ready(()))
    }

    fn terminal(&self) -> Option<(u16, u16)> {
        None
    }
}

/// Runs a script to its end, as a task of the thread's executor; gives what it printed.
fn run(name: &'static str, code: String, folder: &Path) -> rt::Task<Result<String, String>> {
    rt::spawn(environment(name, code, folder.to_owned()))
}

async fn environment(name: &str, code: String, folder: PathBuf) -> Result<String, String> {
    let input = Input::new();
    input.end();
    let output = Rc::new(Printed::default());
    let main = format!("{name}.lua");
    let spec = Spec {
        id: "a5be1c000000".to_owned(),
        group: "asbench".to_owned(),
        name: name.to_owned(),
        args: vec![main.clone()],
        package: Rc::new(Package {
            files: [(main.clone(), code.into_bytes())].into_iter().collect(),
            main,
        }),
        limits: Limits::default(),
        output: output.clone(),
        input,
        lua_path: Vec::new(),
        c_path: Vec::new(),
        node: Some(Node::at(folder)),
    };
    let environment = Environment::new(spec).map_err(|error| error.to_string())?;
    let outcome = environment.run().await;
    let printed = String::from_utf8_lossy(&output.0.borrow()).into_owned();
    match outcome {
        Outcome::Ok => Ok(printed),
        other => Err(format!("{name}.lua: {other:?}: {printed}")),
    }
}

fn script(options: &Options, scope: &str, code: &str) -> String {
    format!(
        "local SCOPE, DIRECTION, STREAMS, SIZE, SECONDS, CALLS = {scope:?}, {:?}, {}, {}, {}, {}\n{MESSAGES}{code}",
        options.direction.name(),
        options.streams,
        options.size,
        options.time.as_secs_f64(),
        options.calls.map_or("nil".to_owned(), |calls| calls.to_string()),
    )
}

/// Reads what the client printed.
fn figures(printed: &str) -> Result<Figures, String> {
    let wrong = || format!("the client printed {printed:?}");
    let numbers: Option<Vec<f64>> = printed.split_whitespace().map(|word| word.parse().ok()).collect();
    match numbers.as_deref() {
        Some([calls, seconds, p50, p99]) => Ok(Figures {
            tps: calls / seconds,
            p50_us: *p50,
            p99_us: *p99,
            calls: *calls as u32,
        }),
        _ => Err(wrong()),
    }
}

/// Measures two scripts in one process, on one executor.
///
/// # Errors
/// A text: what failed.
pub fn in_process(options: &Options) -> Result<Figures, String> {
    let folder = Path::new("/");
    let printed = rt::block_on(async {
        let server = run("server", script(options, "process", SERVER), folder);
        let printed = run("client", script(options, "process", CLIENT), folder).await?;
        server.await?;
        Ok::<_, String>(printed)
    })?;
    figures(&printed)
}

/// Measures a script against the native service in another process.
///
/// # Errors
/// A text: what failed.
pub fn over_socket(folder: &Path, options: &Options) -> Result<Figures, String> {
    let _other = native::other_process(folder, options)?;
    let printed = rt::block_on(async { run("client", script(options, "os", CLIENT), folder).await })?;
    figures(&printed)
}
