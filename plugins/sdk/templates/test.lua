-- Calls the plugin as any script does.
local plugin = require "@MODULE@"

assert(plugin.add(2, 3) == 5)
assert(plugin.greet "world" == "hello, world")
assert(plugin.ANSWER == 42)

-- A wrong argument is an error that says which one.
local ok, why = pcall(plugin.add, 2, "three")
assert(not ok and tostring(why):find "integer", why)

print "@NAME@ works"
