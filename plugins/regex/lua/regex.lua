-- What `require "regex"` gives: expressions as objects, whose methods let other tasks run while a long text is searched.
local raw = ...

local KNOWN = { ignore_case = true, multi_line = true, dot_all = true, extended = true, bytes = true, size_limit = true }

local Regex = { __name = "regex.Regex", __metatable = "regex.Regex" }
Regex.__index = Regex

local regex = {
  SIZE_LIMIT = raw.SIZE_LIMIT,
  LIST_LIMIT = raw.LIST_LIMIT,
  RESULT_LIMIT = raw.RESULT_LIMIT,
  escape = raw.escape,
}

function regex.new(pattern, options)
  for name in pairs(options or {}) do
    if not KNOWN[name] then error("no option is called " .. tostring(name), 2) end
  end
  return setmetatable({ raw = raw.new(pattern, options), source = pattern, options = options }, Regex)
end

function Regex:pattern() return self.source end
function Regex:names() return self.raw:names() end
function Regex:__tostring() return "regex " .. self.source end

for _, name in ipairs { "is_match", "find", "captures", "find_all", "captures_all", "replace", "split" } do
  local far = raw[name .. "_far"]
  Regex[name] = function(self, text, ...)
    if type(text) == "string" and #text >= raw.FAR then return far(self.source, self.options, text, ...) end
    return self.raw[name](self.raw, text, ...)
  end
  -- With the expression as it is written, which is compiled once as long as it is used again soon.
  regex[name] = function(pattern, text, ...)
    if type(text) == "string" and #text >= raw.FAR then return far(pattern, nil, text, ...) end
    local compiled = raw.new(pattern)
    return compiled[name](compiled, text, ...)
  end
end

return regex
