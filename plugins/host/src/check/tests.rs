//! Descriptors that tests make up: a good one, and the same with one lie each.

use std::ptr::{null, null_mut};

use gshell_plugin_abi as abi;

use super::segments::Segments;
use super::{bounds, descriptor, within};

unsafe extern "C" fn call(_: *mut abi::Call) -> i32 {
    abi::OK
}

unsafe extern "C" fn handle(_: *mut abi::Request, _: abi::Bytes) -> i32 {
    abi::OK
}

unsafe extern "C" fn drop_data(_: abi::Data) {}

unsafe extern "C" fn elsewhere(_: *mut abi::Call) -> i32 {
    abi::FAILED
}

/// Pieces of memory that count as the plugin's.
#[derive(Default)]
struct World(Vec<(usize, usize, bool)>);

impl World {
    /// Something of the plugin's, for the rest of the test's process.
    fn put<T: 'static>(&mut self, value: Vec<T>) -> &'static mut [T] {
        let value = value.leak();
        self.0.push((value.as_ptr().addr(), size_of_val(value), false));
        value
    }

    fn one<T: 'static>(&mut self, value: T) -> &'static mut T {
        &mut self.put(vec![value])[0]
    }

    fn text(&mut self, text: &str) -> abi::Bytes {
        self.raw(text.as_bytes())
    }

    fn raw(&mut self, bytes: &[u8]) -> abi::Bytes {
        let bytes = self.put(bytes.to_vec());
        abi::Bytes {
            ptr: bytes.as_ptr(),
            len: bytes.len() as u32,
        }
    }

    fn segments(&self) -> Segments {
        let code = [
            call as *const () as usize,
            handle as *const () as usize,
            drop_data as *const () as usize,
        ];
        let code = code.map(|address| (address, 1, true));
        Segments::made_up(&[&self.0[..], &code].concat())
    }
}

/// A plugin with one of each, all of which can be changed.
struct Made {
    world: World,
    plugin: &'static mut abi::Plugin,
    function: &'static mut abi::Function,
    constant: &'static mut abi::Constant,
    class: &'static mut abi::Class,
    method: &'static mut abi::Function,
    message: &'static mut abi::Message,
    service: &'static mut abi::Service,
    handler: &'static mut abi::Handler,
}

fn function(world: &mut World, name: &str) -> abi::Function {
    abi::Function {
        name: world.text(name),
        signature: world.text("a: integer -> integer"),
        help: world.text("Helps.\nMuch."),
        call: Some(call),
        flags: abi::flags::BLOCKING,
        reserved: 0,
    }
}

fn head() -> abi::Plugin {
    abi::Plugin {
        size: size_of::<abi::Plugin>() as u32,
        abi: abi::ABI,
        needs: abi::MINOR,
        pointer_bits: usize::BITS as u8,
        big_endian: u8::from(cfg!(target_endian = "big")),
        reserved: 0,
        call_size: size_of::<abi::Host>() as u32,
        serve_size: size_of::<abi::ServiceHost>() as u32,
        built_by: abi::Bytes::EMPTY,
        name: abi::Bytes::EMPTY,
        version: abi::Bytes::EMPTY,
        summary: abi::Bytes::EMPTY,
        functions: null(),
        constants: null(),
        messages: null(),
        classes: null(),
        services: null(),
        function_count: 0,
        constant_count: 0,
        message_count: 0,
        class_count: 0,
        service_count: 0,
        lua: abi::Bytes::EMPTY,
        app: abi::Bytes::EMPTY,
        load: None,
    }
}

fn good() -> Made {
    let mut world = World::default();
    let w = &mut world;
    let (function, method) = (function(w, "add"), function(w, "step"));
    let (function, method) = (w.one(function), w.one(method));
    let constant = abi::Constant {
        name: w.text("LIMIT"),
        kind: abi::kind::BYTES,
        reserved: 0,
        integer: 0,
        number: 0.0,
        bytes: w.raw(b"\xff\x00"),
    };
    let constant = w.one(constant);
    let class = abi::Class {
        size: size_of::<abi::Class>() as u32,
        method_count: 1,
        name: w.text("Counter"),
        drop: Some(drop_data),
        methods: method,
    };
    let class = w.one(class);
    let message = abi::Message {
        size: size_of::<abi::Message>() as u32,
        priority: 1,
        name: w.text("echo.Request"),
        shape: w.text("{ text: string, num: i32 }"),
        describe: None,
        help: w.text(""),
    };
    let message = w.one(message);
    let messages = w.one(std::ptr::from_ref(message));
    let handler = abi::Handler {
        request: message,
        replies: messages,
        call: Some(handle),
        reply_count: 1,
        flags: abi::flags::STREAM,
    };
    let handler = w.one(handler);
    let service = abi::Service {
        size: size_of::<abi::Service>() as u32,
        handler_count: 1,
        publisher: w.text("gshell"),
        name: w.text("echo"),
        handlers: handler,
        help: w.text(""),
    };
    let service = w.one(service);
    let plugin = abi::Plugin {
        built_by: w.text("rustc 1.95.0"),
        name: w.text("example.org/echo"),
        version: w.text("1.0.0"),
        summary: w.text("Echoes."),
        functions: function,
        function_count: 1,
        constants: constant,
        constant_count: 1,
        messages,
        message_count: 1,
        classes: w.one(std::ptr::from_ref(class)),
        class_count: 1,
        services: w.one(std::ptr::from_ref(service)),
        service_count: 1,
        lua: w.text("return ..."),
        load: Some(call),
        ..head()
    };
    Made {
        plugin: world.one(plugin),
        world,
        function,
        constant,
        class,
        method,
        message,
        service,
        handler,
    }
}

fn check(made: &Made) -> Result<(), String> {
    within(made.plugin, "example.org/echo", &made.world.segments()).map(drop)
}

/// The good one with a change has to be refused with a line that holds `reason`.
#[track_caller]
fn refused(reason: &str, change: impl FnOnce(&mut Made)) {
    let mut made = good();
    change(&mut made);
    let error = check(&made).unwrap_err();
    assert!(error.contains(reason) && !error.contains('\n'), "{error}");
}

#[test]
fn a_good_one_passes() {
    check(&good()).unwrap();
    let mut made = good();
    // Nothing at all is fine, too, whatever the pointers of empty things are.
    let plugin = abi::Plugin {
        name: made.plugin.name,
        version: made.plugin.version,
        functions: std::ptr::without_provenance(1),
        summary: abi::Bytes {
            ptr: std::ptr::without_provenance(3),
            len: 0,
        },
        ..head()
    };
    made.plugin = made.world.one(plugin);
    check(&made).unwrap();
}

#[test]
fn what_it_was_built_for_is_compared_first() {
    refused("too old: it has ABI 0", |made| made.plugin.abi = 0);
    refused("too new: it has ABI 2", |made| {
        made.plugin.abi = 2;
        made.plugin.size = 3;
    });
    refused("needs ABI 1.9", |made| made.plugin.needs = 9);
    refused("bits of a pointer is 16", |made| made.plugin.pointer_bits = 16);
    refused("big endian is 7", |made| made.plugin.big_endian = 7);
    refused("gsp_host is 8", |made| made.plugin.call_size = 8);
    refused("gsp_service_host is 0", |made| made.plugin.serve_size = 0);
    refused("gsp_host is 4294967295", |made| made.plugin.call_size = u32::MAX);
    refused("reserved field", |made| made.plugin.reserved = 1);
}

#[test]
fn sizes_that_lie() {
    refused("the descriptor says that it has 8 bytes", |made| {
        made.plugin.size = 8
    });
    refused("the descriptor says", |made| made.plugin.size = u32::MAX);
    refused("the descriptor lies outside", |made| made.plugin.size += 64);
    refused("class 1 says that it has 4 bytes", |made| made.class.size = 4);
    refused("message 1 lies outside", |made| made.message.size += 64);
    refused("service 1 says", |made| made.service.size = 0);
}

#[test]
fn counts_that_lie() {
    refused("list of functions lies outside", |made| {
        made.plugin.function_count = 2
    });
    refused("functions: 4294967295 are more than the 4096", |made| {
        made.plugin.function_count = u32::MAX;
    });
    refused("constants: 8193 are more", |made| {
        made.plugin.constant_count = 8193
    });
    refused("list of messages lies outside", |made| {
        made.plugin.message_count = 9
    });
    refused("list of classes lies outside", |made| {
        made.plugin.class_count = 256
    });
    refused("services: 65 are more", |made| made.plugin.service_count = 65);
    refused("Counter methods: ", |made| {
        made.class.method_count = bounds::FUNCTIONS + 1
    });
    refused("handlers of service gshell/echo lies outside", |made| {
        made.service.handler_count = 2;
    });
    refused("replies of handler 1", |made| made.handler.reply_count = 64);
}

#[test]
fn pointers_that_lie() {
    refused("list of functions lies outside", |made| {
        made.plugin.functions = null()
    });
    refused("not aligned", |made| {
        made.plugin.constants = made.plugin.constants.wrapping_byte_add(1);
    });
    refused("class 1 lies outside", |made| {
        made.plugin.classes = made.world.one(null::<abi::Class>());
    });
    refused("its name lies outside", |made| {
        made.plugin.name = abi::Bytes::new("elsewhere")
    });
    refused("its summary lies outside", |made| {
        made.plugin.summary.ptr = std::ptr::without_provenance(usize::MAX);
    });
    refused("constant LIMIT lies outside", |made| {
        made.constant.bytes.ptr = null_mut()
    });
    refused("request of handler 1 of service gshell/echo lies", |made| {
        made.handler.request = null();
    });
    refused("its app has 4294967295 bytes", |made| {
        made.plugin.app.len = u32::MAX
    });
    let local = head();
    let error = descriptor(&local, "echo").unwrap_err();
    assert!(error.contains("the descriptor lies outside"), "{error}");
    assert!(descriptor(null(), "echo").is_err());
}

#[test]
fn code_that_is_none() {
    refused("function add has no code", |made| made.function.call = None);
    refused("code of function add lies outside", |made| {
        made.function.call = Some(elsewhere)
    });
    refused("Counter method step has no code", |made| made.method.call = None);
    refused("drop of class Counter lies outside", |made| {
        // SAFETY: the same size; it is never called.
        made.class.drop = Some(unsafe {
            std::mem::transmute::<*const u8, unsafe extern "C" fn(abi::Data)>(made.plugin.name.ptr)
        });
    });
    refused("handler 1 of service gshell/echo has no code", |made| {
        made.handler.call = None
    });
    refused("load lies outside", |made| made.plugin.load = Some(elsewhere));
    refused("describe of message echo.Request", |made| {
        made.message.describe = Some(elsewhere)
    });
}

#[test]
fn texts_and_names() {
    refused("its name is not UTF-8", |made| {
        made.plugin.name = made.world.raw(b"\xff")
    });
    refused("of plugin \"echo\", not of", |made| {
        made.plugin.name = made.world.text("echo")
    });
    refused("\"\" is no version", |made| {
        made.plugin.version = abi::Bytes::EMPTY
    });
    refused("\"1 0\" is no version", |made| {
        made.plugin.version = made.world.text("1 0")
    });
    refused("its summary is not one line", |made| {
        made.plugin.summary = made.world.text("a\nb")
    });
    refused("\"a-b\" is no name for function 1", |made| {
        made.function.name = made.world.text("a-b");
    });
    refused("\"\" is no name for constant 1", |made| {
        made.constant.name.len = 0
    });
    refused("name of class 1 has 128 bytes", |made| {
        made.class.name = made.world.text(&"x".repeat(128));
    });
    refused("name of service 1", |made| {
        made.service.name = made.world.text("a/b")
    });
    refused("\"a b\" is no name for message 1", |made| {
        made.message.name = made.world.text("a b")
    });
}

#[test]
fn names_are_there_once() {
    refused("constant add is there twice", |made| {
        made.constant.name = made.world.text("add");
    });
    refused("class LIMIT is there twice", |made| {
        made.class.name = made.world.text("LIMIT")
    });
    refused("function add is there twice", |made| {
        let both = vec![*made.function, *made.function];
        made.plugin.functions = made.world.put(both).as_ptr();
        made.plugin.function_count = 2;
    });
    refused("message echo.Request is there twice", |made| {
        let message: *const abi::Message = &*made.message;
        made.plugin.messages = made.world.put(vec![message, message]).as_ptr();
        made.plugin.message_count = 2;
    });
    refused("for message echo.Request, is there twice", |made| {
        let both = vec![*made.handler, *made.handler];
        made.service.handlers = made.world.put(both).as_ptr();
        made.service.handler_count = 2;
    });
}

#[test]
fn values_that_nobody_knows() {
    refused("function add has flags that nobody knows (0x8)", |made| {
        made.function.flags = 8
    });
    refused("flags that nobody knows", |made| made.handler.flags = 4);
    refused("reserved field of function add", |made| {
        made.function.reserved = 1
    });
    refused("constant LIMIT is of kind 6", |made| {
        made.constant.kind = abi::kind::TABLE
    });
    refused("has priority 3", |made| made.message.priority = 3);
    refused("the shape of message echo.Request: ", |made| {
        made.message.shape = made.world.text("{ text: strin }");
    });
    refused("has no shape", |made| made.message.shape = abi::Bytes::EMPTY);
    let made = good();
    made.message.shape = abi::Bytes::EMPTY;
    made.message.describe = Some(call);
    check(&made).unwrap();
}
