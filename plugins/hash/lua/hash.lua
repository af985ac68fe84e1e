-- What `require "hash"` gives: the compiled functions, and hashers whose methods can be chained.
local hash = ...

local Hasher = { __name = "hash.Hasher", __metatable = "hash.Hasher" }
Hasher.__index = Hasher

local function wrap(raw) return setmetatable({ raw = raw }, Hasher) end

function Hasher:update(bytes)
  self.raw:update(bytes)
  return self
end

function Hasher:reset()
  self.raw:reset()
  return self
end

function Hasher:copy() return wrap(self.raw:copy()) end
function Hasher:sum() return self.raw:sum() end
function Hasher:hex() return self.raw:hex() end

local new = hash.new
function hash.new(kind, key) return wrap(new(kind, key)) end

return hash
