---@meta gshell

---Messages and services, part of `gshell`.
---@class gshell
---@field types gshell.Types functions that make types
---@field trace gshell.Trace follows messages through services
local gshell = {}

---A type: a text such as "i32", "[string]?", "{ who: string }"; a table of fields; a message; or one of gshell.types.
---@alias gshell.Type string | table | gshell.Message | userdata

---Declares a message.
---@param name string
---@param type? gshell.Type
---@param options? { help?: string, priority?: "high" | "normal" | "low" }
---@return gshell.Message message
function gshell.message(name, type, options) end

---A server.
---@param options { publisher: string }
---@return gshell.Server server
function gshell.server(options) end

---@class gshell.DiscoverOptions
---@field timeout? number seconds; negative for ever, 0 looks once
---@field scope? string | string[]
---@field provider? string
---@field select? string | string[]
---@field reconnect? boolean

---Waits for a service and connects to it.
---@param publisher string
---@param service string
---@param options? gshell.DiscoverOptions
---@return gshell.Connection conn
function gshell.discover(publisher, service, options) end

---All services with such names.
---@param publisher string
---@param service string
---@param options? gshell.DiscoverOptions
---@return { publisher: string, service: string, provider: string, scope: string, address: string }[] found
function gshell.discover_all(publisher, service, options) end

---Connects to "tcp:HOST:PORT" or to the path of a socket.
---@param address string
---@param options? { timeout?: number }
---@return gshell.Connection conn
function gshell.connect(address, options) end

---@class gshell.Message
---@field name string its name
---@field shape string its type as text
---@field key string what stands for it on the wire, 16 hexadecimal digits
---@overload fun(table: table): table
local message = {}

---Whether a table is a message of this type.
---@param value any
---@return boolean
function message:is(value) end

---@class gshell.Types
local types = {}

---One that may be missing.
---@param type gshell.Type
---@return gshell.Type
function types.optional(type) end

---A list.
---@param type gshell.Type
---@return gshell.Type
function types.list(type) end

---A map.
---@param keys gshell.Type
---@param values gshell.Type
---@return gshell.Type
function types.map(keys, values) end

---A list of one value of each of the types.
---@param ... gshell.Type
---@return gshell.Type
function types.tuple(...) end

---One of several variants.
---@param variants (string | table)[]
---@return gshell.Type
function types.enum(variants) end

---@class gshell.Peer
---@field text string
---@field scope string
---@field pid? integer
---@field uid? integer
---@field gid? integer

---@class gshell.Server
local server = {}

---@class gshell.PublishOptions
---@field scope? string | string[]
---@field tcp? string
---@field workers? { resident?: integer, max?: integer, weight?: integer, states?: integer }
---@field queue? integer
---@field ordered? boolean
---@field finishing? boolean
---@field on_connect? fun(peer: gshell.Peer): (boolean | string)?
---@field on_disconnect? fun(peer: gshell.Peer)
---@field on_stream? fun(stream: gshell.Stream)
---@field on_stream_close? fun(stream: gshell.Stream)

---Publishes a service.
---@param service string
---@param handlers table<gshell.Message, (fun(request: table, stream: gshell.Stream): table?) | table> | string | gshell.NativeService
---@param options? gshell.PublishOptions
---@return gshell.Service service
function server:publish(service, handlers, options) end

---Waits until the server is closed, or the script is told to stop.
function server:serve() end

---Withdraws all services of the server.
---@param grace? number seconds
function server:close(grace) end

---A service of a plugin, as its module has it in `services`.
---@class gshell.NativeService
---@field publisher string who publishes it, unless somebody else does
---@field name string
---@field help string

---@class gshell.Service
---@field tcp? string the TCP address that it listens on
local service = {}

---Withdraws it at once.
function service:close() end

---@class gshell.Connection
local conn = {}

---Sends a request and waits for its reply.
---@param type gshell.Message | string | table
---@param table? table
---@param options? { timeout?: number }
---@return table reply
function conn:call(type, table, options) end

---Opens a stream.
---@return gshell.Stream stream
function conn:stream() end

---What the service says of itself.
---@return table description
function conn:describe() end

---The message type of this name that the service handles or sends.
---@param name string
---@return gshell.Message message
function conn:type(name) end

---Who is at the other end.
---@return gshell.Peer peer
function conn:peer() end

---Ends the connection.
function conn:close() end

---@class gshell.Stream
---@field id integer its number in the connection
---@field vars table in handlers: lasts as long as the stream
local stream = {}

---Sends a message.
---@param type gshell.Message | string | table
---@param table? table
function stream:send(type, table) end

---The next message and the name of its type; nil and "closed" or "timeout".
---@param options? { timeout?: number }
---@return table? message
---@return string name
function stream:recv(options) end

---For a loop over all messages until the end.
---@return fun(): table?, string
function stream:messages() end

---Sends a request and waits for its reply.
---@param type gshell.Message | string | table
---@param table? table
---@param options? { timeout?: number }
---@return table reply
function stream:call(type, table, options) end

---Sends an error.
---@param code string
---@param message string
function stream:fail(code, message) end

---Says that this end sends no more.
function stream:finish() end

---Who is at the other end.
---@return gshell.Peer peer
function stream:peer() end

---Finishes it, and receives no more.
function stream:close() end

---@class gshell.Trace
local trace = {}

---Traces the next calls with messages of this name.
---@param name string
---@param options? { count?: integer, filters?: table<string, string> }
---@return string token
function trace.tag(name, options) end

---Takes tags away.
---@param name? string
---@return integer count
function trace.untag(name) end

---The traces as text.
---@param options? { token?: string, form?: "list" | "plantuml" | "mermaid", clear?: boolean }
---@return string text
function trace.show(options) end
