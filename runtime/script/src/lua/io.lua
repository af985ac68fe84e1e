-- `io` over the environment's streams: fills the (then empty) table. Files come from Lua's own library; standard input, output and error, and
-- the pipes of `io.popen`, are objects of the same shape made here.
local host = ...
local emit, drained, join, object = host.emit, host.drained, host.join, host.object
local isyieldable, select, type, error, tonumber = coroutine.isyieldable, select, type, error, tonumber
local find, sub, match, concat = string.find, string.sub, string.match, table.concat
local io, os, stock = io, os, host.stock_io
local stock_open, stock_lines, stock_type = stock.open, stock.lines, stock.type
io.open, io.tmpfile = stock_open, stock.tmpfile

-- Reading from a source that gives pieces of text, nil at its end.
local function reader(fill)
  return { text = "", at = 1, fill = fill }
end

local function more(r)
  local piece = r.fill and r.fill()
  if piece == nil then
    r.fill = nil
    return false
  end
  r.text, r.at = sub(r.text, r.at) .. piece, 1
  return true
end

local function take(r, last)
  local text = sub(r.text, r.at, last)
  r.at = r.at + #text
  return text
end

local function read_line(r, keep)
  local from = r.at
  while true do
    local stop = find(r.text, "\n", from, true)
    if stop then
      local text = take(r, stop)
      return keep and text or sub(text, 1, -2)
    end
    local seen = #r.text - r.at + 1
    if not more(r) then break end
    from = r.at + seen
  end
  local text = take(r, -1)
  return text ~= "" and text or nil
end

local function read_all(r)
  local parts = { take(r, -1) }
  while more(r) do parts[#parts + 1] = take(r, -1) end
  return concat(parts)
end

local function read_bytes(r, n)
  while #r.text - r.at + 1 < (n > 0 and n or 1) and more(r) do end
  if #r.text < r.at then return nil end
  return take(r, r.at + n - 1)
end

local function read_number(r)
  repeat
    r.at = find(r.text, "%S", r.at) or #r.text + 1
  until r.at <= #r.text or not more(r)
  local text
  repeat
    text = match(r.text, "^[+-]?0[xX]%x*%.?%x*[pP]?[+-]?%d*", r.at) or match(r.text, "^[+-]?%d*%.?%d*[eE]?[+-]?%d*", r.at)
  until r.at + #text <= #r.text or #text > 200 or not more(r)
  r.at = r.at + #text
  return tonumber(text)
end

local function read_one(r, format, index)
  if type(format) == "number" then return read_bytes(r, format) end
  local kind = type(format) == "string" and match(format, "^%*?([nlLa])")
  if kind == "l" then return read_line(r, false) end
  if kind == "L" then return read_line(r, true) end
  if kind == "a" then return read_all(r) end
  if kind == "n" then return read_number(r) end
  error("bad argument #" .. index .. " to 'read' (invalid format)", 3)
end

local function read_from(r, index, format, ...)
  local value = read_one(r, format, index)
  if value == nil or select("#", ...) == 0 then return value end
  return value, read_from(r, index + 1, ...)
end

local function read(r, ...)
  if select("#", ...) == 0 then return read_line(r, false) end
  return read_from(r, 1, ...)
end

-- Objects that look like files. Their state is in `of`, out of reach of scripts.
local of = setmetatable({}, { __mode = "k" })
local methods = {}
local meta = { __name = "FILE*", __index = methods, __metatable = false }

function meta.__tostring(file)
  return of[file].closed and "file (closed)" or "file (" .. of[file].name .. ")"
end

local function state(file)
  local s = of[file]
  if not s then error("bad argument #1 (a standard stream or pipe expected)", 3) end
  if s.closed then error("attempt to use a closed file", 3) end
  return s
end

-- What `write` writes, as one text. Called by a function that the script calls: complaints point there.
local function joined(...)
  local text, bad = join(...)
  if text then return text end
  local got = type((select(bad, ...)))
  error("bad argument #" .. bad .. " to 'write' (string expected, got " .. got .. ")", 3)
end

local function put(s, text)
  if s.stream then
    if emit(s.stream, text) and isyieldable() then drained() end
  else
    s.write(text)
  end
end

function methods.write(file, ...)
  local s = state(file)
  if not s.stream and not s.write then return nil, "Bad file descriptor", 9 end
  put(s, joined(...))
  return file
end

function methods.read(file, ...)
  local s = state(file)
  if not s.reader then return nil, "Bad file descriptor", 9 end
  return read(s.reader, ...)
end

function methods.lines(file, ...)
  local s = state(file)
  if not s.reader then error("file is not readable", 2) end
  local n, formats = select("#", ...), { ... }
  return function()
    if s.closed then error("file is already closed", 2) end
    return read(s.reader, table.unpack(formats, 1, n))
  end
end

function methods.close(file)
  local s = state(file)
  if not s.close then return true end
  s.closed = true
  return s.close()
end

function methods.flush(file)
  state(file)
  return file
end

function methods.setvbuf(file)
  state(file)
  return true
end

function methods.seek(file)
  state(file)
  return nil, "Illegal seek", 29
end

function meta.__close(file)
  if not of[file].closed then methods.close(file) end
end

local function make(s)
  local file = object(meta)
  of[file] = s
  return file
end

local stdin = make { name = "stdin", reader = reader(host.input) }
local stdout = make { name = "stdout", stream = 1 }
local stderr = make { name = "stderr", stream = 2 }
local input, output = stdin, stdout
io.stdin, io.stdout, io.stderr = stdin, stdout, stderr

function io.type(file)
  local s = of[file]
  if s then return s.closed and "closed file" or "file" end
  return stock_type(file)
end

local function redirect(name, file, mode, current)
  if type(file) == "string" then
    local opened, message = stock_open(file, mode)
    if not opened then error(message, 3) end
    return opened
  end
  if file ~= nil and not io.type(file) then
    error("bad argument #1 to '" .. name .. "' (FILE* expected, got " .. type(file) .. ")", 3)
  end
  return file or current
end

function io.input(file)
  input = redirect("input", file, "r", input)
  return input
end

function io.output(file)
  output = redirect("output", file, "w", output)
  return output
end

function io.write(...)
  if output ~= stdout then return output:write(...) end
  if emit(1, joined(...)) and isyieldable() then drained() end
  return stdout
end

function io.read(...)
  return input:read(...)
end

function io.lines(name, ...)
  if name ~= nil then return stock_lines(name, ...) end
  return input:lines(...)
end

function io.close(file)
  return (file or output):close()
end

-- Commands. They run beside the script, which waits for what they say.
local require = require

local function status(result)
  if result.signal then return nil, "signal", result.signal end
  return result.code == 0 or nil, "exit", result.code
end

-- Copies what a command writes to one of the script's streams, beside the script.
local function forward(stream, next_piece)
  return require("gshell").spawn(function()
    for piece in next_piece do
      if emit(stream, piece) then drained() end
    end
  end)
end

function io.popen(command, mode)
  mode = mode or "r"
  if mode ~= "r" and mode ~= "w" then error("bad argument #2 to 'popen' (invalid mode)", 2) end
  local child = require("gshell.process").spawn(command, { stdin = mode == "r" and "null" or "pipe" })
  local complaints = forward(2, function() return child:read_error() end)
  local s = { name = "pipe" }
  if mode == "r" then
    s.reader = reader(function() return child:read() end)
    s.close = function()
      read_all(s.reader)
      complaints:join()
      return status(child:wait())
    end
  else
    local answers = forward(1, function() return child:read() end)
    s.write = function(text) child:write(text) end
    s.close = function()
      child:close_stdin()
      answers:join()
      complaints:join()
      return status(child:wait())
    end
  end
  return make(s)
end

function os.execute(command)
  if command == nil then return true end
  local child = require("gshell.process").spawn(command, { stdin = "null" })
  local complaints = forward(2, function() return child:read_error() end)
  for piece in function() return child:read() end do put(of[stdout], piece) end
  complaints:join()
  return status(child:wait())
end
