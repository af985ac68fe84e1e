---@meta gshell.process

---Commands of the operating system.
---@class gshell.process
local process = {}

---@class gshell.process.Options
---@field env? table<string, string|number> variables, added to those of the group
---@field clear_env? boolean start without the group's variables
---@field dir? string working folder
---@field merge? boolean standard error to where standard output goes

---@class gshell.process.RunOptions: gshell.process.Options
---@field input? string for standard input
---@field timeout? number seconds after which it is killed and the call fails
---@field check? boolean fail when it does not exit with 0
---@field limit? integer bytes of each output at which it is killed and the call fails; 4 MiB if absent

---@class gshell.process.SpawnOptions: gshell.process.Options
---@field stdin? "pipe"|"null"
---@field stdout? "pipe"|"null"
---@field stderr? "pipe"|"null"

---@class gshell.process.Status
---@field code? integer 0 to 255, if it exited
---@field signal? string such as "SIGTERM", if it was killed
---@field ok boolean whether the code is 0

---@class gshell.process.Result: gshell.process.Status
---@field stdout string
---@field stderr string

---Runs a command to its end: a string by /bin/sh, a list directly.
---@param command string|(string|number)[]
---@param options? gshell.process.RunOptions
---@return gshell.process.Result
function process.run(command, options) end

---Starts a command.
---@param command string|(string|number)[]
---@param options? gshell.process.SpawnOptions
---@return gshell.process.Child
function process.spawn(command, options) end

---@class gshell.process.Child
---@field pid integer process number
local child = {}

---Writes to standard input.
---@param data string
function child:write(data) end

---Ends standard input.
function child:close_stdin() end

---What it has written to standard output; nil at the end.
---@param most? integer bytes
---@return string?
function child:read(most) end

---What it has written to standard error; nil at the end.
---@param most? integer bytes
---@return string?
function child:read_error(most) end

---Iterator over lines of standard output.
---@return fun(): string?
function child:lines() end

---Iterator over lines of standard error.
---@return fun(): string?
function child:error_lines() end

---Waits for its end; nil when it still runs after the time.
---@param timeout? number seconds
---@return gshell.process.Status?
function child:wait(timeout) end

---Sends a signal to it and its group, TERM if absent. Gives whether it still ran.
---@param signal? string|integer
---@return boolean
function child:kill(signal) end

---Whether it runs.
---@return boolean
function child:running() end

---Kills it and its group.
function child:close() end

return process
