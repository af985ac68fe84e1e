---@meta gshell.log

---Lines with time, name and level, in the environment's log.
---@class gshell.log
local log = {}

---@alias gshell.log.Level "trace"|"debug"|"info"|"warn"|"error"|"fatal"|"off"

---Writes a line of level trace.
---@param text any
---@param ... any arguments of string.format
function log.trace(text, ...) end

---Writes a line of level debug.
---@param text any
---@param ... any arguments of string.format
function log.debug(text, ...) end

---Writes a line of level info.
---@param text any
---@param ... any arguments of string.format
function log.info(text, ...) end

---Writes a line of level warn.
---@param text any
---@param ... any arguments of string.format
function log.warn(text, ...) end

---Writes a line of level error.
---@param text any
---@param ... any arguments of string.format
function log.error(text, ...) end

---Writes a line of level fatal and raises an error.
---@param text any
---@param ... any arguments of string.format
function log.fatal(text, ...) end

---Sets the level of all loggers, or of those whose names match patterns such as "net.*,db".
---@param level gshell.log.Level
---@param patterns? string
function log.set_level(level, patterns) end

---The level of lines without a logger.
---@return gshell.log.Level
function log.level() end

---The logger of a name.
---@param name string
---@return gshell.log.Logger
function log.logger(name) end

---Levels by logger's name.
---@return table<string, gshell.log.Level>
function log.loggers() end

---@class gshell.log.Setup
---@field utc? boolean times in UTC
---@field source? boolean file and line of the caller
---@field output? string "stderr", "stdout" or "file:PATH"

---How lines look and where they go.
---@param options gshell.log.Setup
function log.setup(options) end

---@class gshell.log.Logger
---@field name string
local logger = {}

---Writes a line of level trace.
---@param text any
---@param ... any arguments of string.format
function logger:trace(text, ...) end

---Writes a line of level debug.
---@param text any
---@param ... any arguments of string.format
function logger:debug(text, ...) end

---Writes a line of level info.
---@param text any
---@param ... any arguments of string.format
function logger:info(text, ...) end

---Writes a line of level warn.
---@param text any
---@param ... any arguments of string.format
function logger:warn(text, ...) end

---Writes a line of level error.
---@param text any
---@param ... any arguments of string.format
function logger:error(text, ...) end

---Writes a line of level fatal and raises an error.
---@param text any
---@param ... any arguments of string.format
function logger:fatal(text, ...) end

---Its level.
---@return gshell.log.Level
function logger:level() end

---Sets its level, until log.set_level sets it again.
---@param level gshell.log.Level
function logger:set_level(level) end

---Whether lines of a level are written.
---@param level gshell.log.Level
---@return boolean
function logger:enabled(level) end

return log
