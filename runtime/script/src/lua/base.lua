-- The sandbox around Lua's own library. `host` holds what Rust provides; nothing of it becomes visible to scripts.
-- Returns the guard in which every task of a script runs.
local host = ...
local emit, drained, line = host.emit, host.drained, host.line
local yield, isyieldable = coroutine.yield, coroutine.isyieldable
local type, tostring, pcall, xpcall, error, rawget, pairs, ipairs, getmetatable, setmetatable =
  type, tostring, pcall, xpcall, error, rawget, pairs, ipairs, getmetatable, setmetatable
local io, os = io, os
local traceback, getinfo = host.debug.traceback, host.debug.getinfo

-- Output. `emit` is true when its reader is behind: then the script waits, if it can.
function print(...)
  if emit(1, line(...)) and isyieldable() then drained() end
end

-- Guard: what happened to a task, with the traceback of the place where it failed.
local function failed(value)
  return { value, traceback("", 3) }
end

local function describe(value)
  local kind = type(value)
  if kind == "string" then return value end
  if kind == "nil" then return "nil" end
  local meta = getmetatable(value)
  if kind == "table" and not (type(meta) == "table" and rawget(meta, "__tostring")) then
    local message = rawget(value, "message")
    if type(message) == "string" then return message end
  end
  local ok, text = pcall(tostring, value)
  return ok and text or "(an error object of type " .. kind .. ")"
end

local function failure(found)
  -- Lua calls no handler when memory is full: then the error comes as it is.
  if type(found) ~= "table" then return false, found, describe(found), "" end
  return false, found[1], describe(found[1]), found[2]
end

local function settle(ok, ...)
  if ok then return true, ... end
  return failure(...)
end

local function guard(f, ...)
  return settle(xpcall(f, failed, ...))
end

-- Chunks: text only.
local stock_load, stock_loadfile = load, loadfile
local function text_only(mode)
  if mode ~= nil and not (type(mode) == "string" and mode:find("t", 1, true)) then
    return nil, "attempt to load a chunk as binary: only text is loaded"
  end
  return "t"
end

function load(chunk, name, mode, ...)
  local text, message = text_only(mode)
  if not text then return nil, message end
  return stock_load(chunk, name, text, ...)
end

function loadfile(path, mode, ...)
  local text, message = text_only(mode)
  if not text then return nil, message end
  return stock_loadfile(path, text, ...)
end

function dofile(path)
  local f, message = stock_loadfile(path, "t")
  if not f then error(message, 0) end
  return f()
end

-- What would end, or change, more than this environment.
function os.exit(code)
  host.exit(code == nil or code == true, code)
  while true do yield(host.marker) end
end

function os.setlocale(locale)
  if locale == nil or locale == "" or locale == "C" or locale == "POSIX" then return "C" end
  return nil
end

debug = {
  traceback = traceback,
  getinfo = function(where, ...)
    -- One level more: this function's own frame.
    if type(where) == "number" and where >= 0 then where = where + 1 end
    local info = getinfo(where, ...)
    if info then info.func = nil end
    return info
  end,
}

-- `io` is a third of what a state takes, and most scripts only print: it is loaded at the first use of any of it.
-- Lua's own version, from which files come, is kept for that.
host.stock_io = { open = io.open, lines = io.lines, type = io.type, tmpfile = io.tmpfile }
for name in pairs(host.stock_io) do io[name] = nil end
for name in pairs(io) do io[name] = nil end

local function load_io()
  setmetatable(io, nil)
  host.load_io(host)
end

setmetatable(io, {
  __index = function(_, name)
    load_io()
    return io[name]
  end,
})

function os.execute(...)
  load_io()
  return os.execute(...)
end

-- Modules: the package's own first, then the built-in ones, plugins, the folders of `package.path`, those of `package.cpath`.
local package, loaded = package, package.loaded
package.loadlib = nil
package.path, package.cpath = host.path, host.cpath

local function from_preload(name)
  local f = package.preload[name]
  if f then return f, ":preload:" end
  return "\n\tno field package.preload['" .. name .. "']"
end

local function from_plugin(name)
  local raw, face, origin = host.find_plugin(name)
  if type(raw) == "string" then return raw end
  -- What the plugin's own Lua returns is the module; of one that has none, or returns nothing, its table.
  return function()
    local made = face and face(raw)
    return made == nil and raw or made
  end, origin
end

local searchpath = package.searchpath
local function search(name, what)
  local path = package[what]
  if type(path) ~= "string" then error("'package." .. what .. "' must be a string") end
  local file, message = searchpath(name, path)
  if file then return file end
  return nil, message ~= "" and "\n\t" .. message:gsub("^\n\t", "") or ""
end

local function bad_file(name, file, why)
  error(("error loading module '%s' from file '%s':\n\t%s"):format(name, file, why), 0)
end

local function from_path(name)
  local file, message = search(name, "path")
  if not file then return message end
  local f, why = stock_loadfile(file, "t")
  if f then return f, file end
  bad_file(name, file, why)
end

local function from_c(name)
  local file, message = search(name, "cpath")
  if not file then return message end
  local f, why = host.open_c(file, name)
  if f then return f, file end
  bad_file(name, file, why or "it has no function that opens this module")
end

-- A submodule may be in the file of its parent.
local function from_c_root(name)
  local root = name:match "^([^.]*)%."
  if not root then return end
  local file, message = search(root, "cpath")
  if not file then return message end
  local f, why = host.open_c(file, name)
  if f then return f, file end
  if f == nil then return ("\n\tno module '%s' in file '%s'"):format(name, file) end
  bad_file(name, file, why)
end

package.searchers = {
  from_preload, host.from_package, host.from_built_in, from_plugin, from_path, from_c, from_c_root,
}

-- In Lua, because Lua's own cannot be yielded from: a module may wait while it loads.
function require(name)
  if type(name) ~= "string" then
    if type(name) ~= "number" then
      error("bad argument #1 to 'require' (string expected, got " .. type(name) .. ")", 2)
    end
    name = tostring(name)
  end
  if loaded[name] then return loaded[name] end
  local tried = ""
  for _, search in ipairs(package.searchers) do
    local f, extra = search(name)
    if type(f) == "function" then
      local value = f(name, extra)
      if value ~= nil then loaded[name] = value end
      if loaded[name] == nil then loaded[name] = true end
      return loaded[name], extra
    elseif type(f) == "string" then
      tried = tried .. f
    end
  end
  error(("module '%s' not found:%s"):format(name, tried), 2)
end

return guard
