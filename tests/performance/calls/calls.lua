-- Nanoseconds of a call, for each kind: a function of a C module, and the same in a plugin. Arguments: the folder of the C
-- module, rounds, and calls in each.
package.cpath = arg[1] .. "/?.so"
local plain, called = require "plain", require "called"
local rounds, count = tonumber(arg[2]), tonumber(arg[3])
local clock = os.clock

local function loop()
  local began = clock()
  for _ = 1, count do end
  return clock() - began
end

local function two(f)
  local began = clock()
  for i = 1, count do f(i, 7) end
  return clock() - began
end

local function one(f, text)
  local began = clock()
  for _ = 1, count do f(text) end
  return clock() - began
end

local short, long = "x", ("x"):rep(1024)
local kinds = {
  { "plain add", function() return two(plain.add) end },
  { "plugin add", function() return two(called.add) end },
  { "plain 1 KiB", function() return one(plain.length, long) end },
  { "plugin 1 B", function() return one(called.length, short) end },
  { "plugin 1 KiB", function() return one(called.length, long) end },
}
-- In turn, so that a machine that slows down slows all.
for _ = 1, rounds do
  local empty = loop()
  for _, kind in ipairs(kinds) do
    print(("%s\t%.3f"):format(kind[1], (kind[2]() - empty) / count * 1e9))
  end
end
