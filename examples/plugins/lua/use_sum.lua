-- Everything that the plugin of ../c/sum.c has:
-- make -C examples/plugins/c && gshell --plugin-dir examples/plugins/c run -i examples/plugins/lua/use_sum.lua

local gshell = require "gshell"
local sum = require "sum"

print("add", sum.add(2, 40))
print("total", sum.total { 1, 2.5, 4 })
print("reverse", sum.reverse "stressed")
local tally = sum.tally "banana"
print("tally", tally.bytes, tally.counts.a, tally.counts.b, tally.counts.n)

local mean = sum.mean()
for _, number in ipairs { 1, 2, 6 } do mean:add(number) end
print("mean", mean:value())
print("constants", sum.LANGUAGE, sum.PI)

-- While one task waits in compiled code, others run.
local nap = gshell.spawn(sum.nap, 50)
print("meanwhile", sum.add(1, 1))
print("nap", nap:join())

-- What goes wrong says what it was.
print(pcall(sum.add, 1, "two"))
print(pcall(sum.add, math.maxinteger, 1))
print(pcall(sum.nap, -1))
print(pcall(function() sum.mean():value() end))
