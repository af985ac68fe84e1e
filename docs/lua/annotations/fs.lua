---@meta gshell.fs

---Files and folders.
---@class gshell.fs
local fs = {}

---@alias gshell.fs.Kind "file"|"dir"|"link"|"fifo"|"socket"|"char"|"block"

---@class gshell.fs.Stat
---@field kind gshell.fs.Kind
---@field size integer bytes
---@field mtime number seconds since 1970
---@field mode integer permissions, 0 to 4095
---@field uid integer
---@field gid integer
---@field links integer
---@field inode integer
---@field device integer

---@class gshell.fs.LimitOptions
---@field limit? integer bytes at which it fails

---@class gshell.fs.WriteOptions
---@field append? boolean write after what is there
---@field atomic? boolean replace the file in one step, also across a loss of power
---@field mode? integer|string permissions of a file that is made, a number or octal text

---The whole content of a file.
---@param path string
---@param options? gshell.fs.LimitOptions 64 MiB if absent
---@return string data
function fs.read(path, options) end

---Iterator over the lines of a file, without newlines.
---@param path string
---@param options? gshell.fs.LimitOptions of a line, 1 MiB if absent
---@return fun(): string? lines
function fs.lines(path, options) end

---Writes a string to a file.
---@param path string
---@param data string
---@param options? gshell.fs.WriteOptions
function fs.write(path, data, options) end

---Copies a regular file with its mode.
---@param from string
---@param to string
---@return integer bytes
function fs.copy(from, to) end

---Whether there is something at a path.
---@param path string
---@return boolean
function fs.exists(path) end

---What is known about an entry.
---@param path string
---@param options? { link?: boolean } link: look at a link itself
---@return gshell.fs.Stat
function fs.stat(path, options) end

---Sorted names in a folder.
---@param path? string the working folder if absent
---@return string[] names
function fs.list(path) end

---Iterator over all that is below a folder: path, kind, depth.
---@param path string
---@param options? { depth?: integer }
---@return fun(): string?, gshell.fs.Kind?, integer? entries
function fs.walk(path, options) end

---Sorted paths that match a pattern of *, ? and [a-z].
---@param pattern string
---@return string[] paths
function fs.glob(pattern) end

---Makes a folder.
---@param path string
---@param options? { parents?: boolean, mode?: integer|string }
function fs.mkdir(path, options) end

---Removes an entry; false if it was missing and that is allowed.
---@param path string
---@param options? { recursive?: boolean, missing?: boolean }
---@return boolean removed
function fs.remove(path, options) end

---Gives an entry another path.
---@param from string
---@param to string
function fs.rename(from, to) end

---Makes a private folder that is removed when the environment ends.
---@param prefix? string
---@return string path
function fs.tmpdir(prefix) end

---Joins parts of a path.
---@param ... string
---@return string path
function fs.join(...) end

---The last name of a path.
---@param path string
---@return string name
function fs.basename(path) end

---A path without its last name.
---@param path string
---@return string path
function fs.dirname(path) end

---Watches a file or a folder's entries.
---@param path string
---@return gshell.fs.Watch watch
function fs.watch(path) end

---@class gshell.fs.Change
---@field kind "create"|"modify"|"write"|"attrib"|"delete"|"move_from"|"move_to"|"gone"|"overflow"
---@field path string
---@field dir boolean

---@class gshell.fs.Watch
local watch = {}

---The next change; nil when there was none in time.
---@param timeout? number seconds
---@return gshell.fs.Change?
function watch:next(timeout) end

---Iterator over changes.
---@return fun(): gshell.fs.Change?
function watch:events() end

---Ends the watch.
function watch:close() end

return fs
