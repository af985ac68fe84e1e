//! A plugin that passed every check: what its descriptor says, without pointers.

use std::fmt;

use gshell_plugin_abi as abi;
use gshell_sys::crash::Owner;

use crate::check::segments::Segments;
use crate::origin::Origin;

/// A checked descriptor. It stays for the rest of the process, as a plugin is never closed.
pub struct Plugin {
    descriptor: &'static abi::Plugin,
    segments: Segments,
    origin: Origin,
    owner: &'static Owner,
}

// SAFETY: what a descriptor points to is constant by the rules of the header, as are all fields here; nothing of it belongs to
// a thread.
unsafe impl Send for Plugin {}
// SAFETY: as above.
unsafe impl Sync for Plugin {}

impl Plugin {
    /// Takes a descriptor into use.
    ///
    /// # Safety
    /// The descriptor passed [`crate::check::descriptor`] with these segments, which stay mapped for the rest of the process.
    pub(crate) unsafe fn new(
        descriptor: &'static abi::Plugin,
        segments: Segments,
        origin: Origin,
        owner: &'static Owner,
    ) -> Plugin {
        Plugin {
            descriptor,
            segments,
            origin,
            owner,
        }
    }

    /// Its name: `echo`, or a path such as `example.org/echo`.
    pub fn name(&self) -> &'static str {
        self.text(self.descriptor.name)
    }

    /// Its version, such as `1.2.3`.
    pub fn version(&self) -> &'static str {
        self.text(self.descriptor.version)
    }

    /// One line about it.
    pub fn summary(&self) -> &'static str {
        self.text(self.descriptor.summary)
    }

    /// What it was built by, such as `rustc 1.95.0`.
    pub fn built_by(&self) -> &'static str {
        self.text(self.descriptor.built_by)
    }

    /// Its functions; each has code to call.
    pub fn functions(&self) -> &'static [abi::Function] {
        // SAFETY: the checks found so many functions behind it.
        unsafe { slice(self.descriptor.functions, self.descriptor.function_count) }
    }

    /// Its constants, of kinds that are known.
    pub fn constants(&self) -> &'static [abi::Constant] {
        // SAFETY: the checks found so many constants behind it.
        unsafe { slice(self.descriptor.constants, self.descriptor.constant_count) }
    }

    /// Its messages; the shape of each parses, or `describe` gives it.
    pub fn messages(&self) -> &'static [&'static abi::Message] {
        // SAFETY: the checks found so many pointers behind it, all to messages. References are laid out as pointers are.
        unsafe { slice(self.descriptor.messages.cast(), self.descriptor.message_count) }
    }

    /// Its classes.
    pub fn classes(&self) -> &'static [&'static abi::Class] {
        // SAFETY: as for messages.
        unsafe { slice(self.descriptor.classes.cast(), self.descriptor.class_count) }
    }

    /// Its services.
    pub fn services(&self) -> &'static [&'static abi::Service] {
        // SAFETY: as for messages.
        unsafe { slice(self.descriptor.services.cast(), self.descriptor.service_count) }
    }

    /// The methods of one of its classes; none for a class of somebody else.
    pub fn methods(&self, class: &'static abi::Class) -> &'static [abi::Function] {
        if !self.classes().iter().any(|own| std::ptr::eq(*own, class)) {
            return &[];
        }
        // SAFETY: the checks found so many functions behind it, as it is a class of this plugin.
        unsafe { slice(class.methods, class.method_count) }
    }

    /// The handlers of one of its services; none for a service of somebody else. `request` of each is one of
    /// [`Self::request_of`].
    pub fn handlers(&self, service: &'static abi::Service) -> &'static [abi::Handler] {
        if !self.services().iter().any(|own| std::ptr::eq(*own, service)) {
            return &[];
        }
        // SAFETY: the checks found so many handlers behind it, as it is a service of this plugin.
        unsafe { slice(service.handlers, service.handler_count) }
    }

    /// The message that a handler of this plugin takes; `None` for a handler of somebody else.
    pub fn request_of(&self, handler: &'static abi::Handler) -> Option<&'static abi::Message> {
        self.owns_handler(handler).then(|| {
            // SAFETY: the checks found a message behind it, as it is a handler of this plugin.
            unsafe { &*handler.request }
        })
    }

    /// What a handler of this plugin may answer or send; nothing for a handler of somebody else.
    pub fn replies_of(&self, handler: &'static abi::Handler) -> &'static [&'static abi::Message] {
        if !self.owns_handler(handler) {
            return &[];
        }
        // SAFETY: the checks found so many pointers to messages behind it, as it is a handler of this plugin.
        unsafe { slice(handler.replies.cast(), handler.reply_count) }
    }

    fn owns_handler(&self, handler: &'static abi::Handler) -> bool {
        let mut handlers = self.services().iter().flat_map(|service| self.handlers(service));
        handlers.any(|own| std::ptr::eq(own, handler))
    }

    /// Lua source that makes its module from the raw table; empty when there is none.
    pub fn lua(&self) -> &'static str {
        self.text(self.descriptor.lua)
    }

    /// Lua source that runs as an environment, its own app; empty when there is none.
    pub fn app(&self) -> &'static str {
        self.text(self.descriptor.app)
    }

    /// Where it comes from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// A text of the descriptor. Empty when it does not lie in the plugin or is not UTF-8: what is reached from the
    /// descriptor has been checked.
    pub fn text(&self, bytes: abi::Bytes) -> &'static str {
        std::str::from_utf8(self.bytes(bytes)).unwrap_or_default()
    }

    /// Bytes of the descriptor, such as a constant's; empty when they do not lie in the plugin.
    pub fn bytes(&self, bytes: abi::Bytes) -> &'static [u8] {
        if bytes.len == 0 || !self.segments.holds(bytes.ptr.addr(), u64::from(bytes.len)) {
            return &[];
        }
        // SAFETY: they lie in a readable segment of the plugin, which stays mapped and is constant there by the header's rules.
        unsafe { std::slice::from_raw_parts(bytes.ptr, bytes.len as usize) }
    }

    /// What is called before anything else of it.
    pub(crate) fn load(&self) -> Option<abi::CallFn> {
        self.descriptor.load
    }

    /// Whether the message is one that the checks looked at.
    pub(crate) fn owns_message(&self, message: &abi::Message) -> bool {
        let same = |own: &&abi::Message| std::ptr::eq(*own, message);
        let handlers = || self.services().iter().flat_map(|service| self.handlers(service));
        let of_handler = |handler: &'static abi::Handler| {
            self.request_of(handler).into_iter().any(|own| same(&own))
                || self.replies_of(handler).iter().any(same)
        };
        self.messages().iter().any(same) || handlers().any(of_handler)
    }

    /// Who it is for notes about crashes.
    pub(crate) fn owner(&self) -> &'static Owner {
        self.owner
    }
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "plugin {} {} ({})", self.name(), self.version(), self.origin)
    }
}

/// # Safety
/// So many of `T` lie behind the pointer for the rest of the process and never change; with none, it may be anything.
unsafe fn slice<T>(first: *const T, count: u32) -> &'static [T] {
    if count == 0 {
        return &[];
    }
    // SAFETY: by the condition above.
    unsafe { std::slice::from_raw_parts(first, count as usize) }
}
