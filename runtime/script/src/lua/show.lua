-- Values as a person wants to read them: strings quoted, tables opened to a depth of 2, keys sorted.
local type, tostring, pcall, getmetatable, rawget, next = type, tostring, pcall, getmetatable, rawget, next
local format, concat, sort = string.format, table.concat, table.sort
local DEPTH, ITEMS = 2, 60

local function quoted(text)
  return (format("%q", text):gsub("\\\n", "\\n"):gsub("\r", "\\r"):gsub("\0", "\\0"))
end

local function plain(value)
  local ok, text = pcall(tostring, value)
  return ok and text or "<" .. type(value) .. ">"
end

local function rank(key)
  local kind = type(key)
  return kind == "number" and 1 or kind == "string" and 2 or 3
end

local function before(a, b)
  local ra, rb = rank(a), rank(b)
  if ra ~= rb then return ra < rb end
  if ra == 3 then return plain(a) < plain(b) end
  return a < b
end

local show

local function key_text(key)
  if type(key) == "string" and key:find("^[%a_][%w_]*$") then return key end
  return "[" .. (type(key) == "string" and quoted(key) or plain(key)) .. "]"
end

local function show_table(value, depth)
  if next(value) == nil then return "{}" end
  if depth >= DEPTH then return "{...}" end
  local parts, listed, keys = {}, 0, {}
  while rawget(value, listed + 1) ~= nil and listed < ITEMS do
    listed = listed + 1
    parts[listed] = show(rawget(value, listed), depth + 1)
  end
  for key in next, value do
    local in_list = type(key) == "number" and key >= 1 and key <= listed and key % 1 == 0
    if not in_list then keys[#keys + 1] = key end
  end
  sort(keys, before)
  for _, key in ipairs(keys) do
    if #parts >= ITEMS then
      parts[#parts + 1] = "..."
      break
    end
    parts[#parts + 1] = key_text(key) .. " = " .. show(rawget(value, key), depth + 1)
  end
  return "{ " .. concat(parts, ", ") .. " }"
end

function show(value, depth)
  local kind = type(value)
  if kind == "string" then return quoted(value) end
  if kind ~= "table" then return plain(value) end
  local meta = getmetatable(value)
  if type(meta) == "table" and rawget(meta, "__tostring") then return plain(value) end
  return show_table(value, depth)
end

return function(...)
  local texts = {}
  for i = 1, select("#", ...) do texts[i] = show((select(i, ...)), 0) end
  return table.unpack(texts)
end
