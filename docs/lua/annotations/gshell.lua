---@meta gshell

---The script itself: who it is, time, tasks, timers, channels, its end. Times are seconds.
---@class gshell
---@field id string the environment's ID, 12 hexadecimal digits
---@field group string full name of the runtime group
---@field name string the name that the script is listed under
---@field args string[] the script's arguments
local gshell = {}

---Errors of the built-in modules; printing one gives its message.
---@class gshell.Error
---@field code string short and stable
---@field message string

---Waits, while other tasks run.
---@param seconds number
function gshell.sleep(seconds) end

---Seconds since this module was loaded.
---@return number seconds
function gshell.now() end

---Starts a task.
---@param f fun(...): ...
---@param ... any arguments of f
---@return gshell.Task task
function gshell.spawn(f, ...) end

---Calls a function again and again.
---@param seconds number
---@param f fun()
---@return gshell.Timer timer
function gshell.every(seconds, f) end

---Makes a channel.
---@param size? integer values that it holds, 1 if absent
---@return gshell.Channel channel
function gshell.channel(size) end

---Size of the terminal; nil when the output is none.
---@return { cols: integer, rows: integer }?
function gshell.terminal() end

---Calls a function each time the terminal's size has changed.
---@param f fun()
function gshell.on_resize(f) end

---Calls a function when the script is told to stop.
---@param f fun()
function gshell.on_stop(f) end

---Whether the script was told to stop.
---@return boolean
function gshell.stopping() end

---@class gshell.Task
local task = {}

---Waits for its end and gives what its function returned.
---@return any ...
function task:join() end

---Ends it where it waits.
---@return boolean cancelled
function task:cancel() end

---Whether it has ended.
---@return boolean
function task:done() end

---@class gshell.Timer
local timer = {}

---Ends it.
---@return boolean cancelled
function timer:cancel() end

---@class gshell.Channel
local channel = {}

---Adds a value; waits while it is full.
---@param value any not nil
function channel:send(value) end

---Takes the oldest value; nil and why if there is none.
---@param options? { timeout?: number }
---@return any value
---@return "closed"|"timeout"|nil why
function channel:recv(options) end

---Iterator over values, until it is closed and empty.
---@return fun(): any
function channel:iter() end

---Ends it: no more can be sent.
function channel:close() end

return gshell
