-- The best of several services: gshell run -i examples/select_provider_client.lua [METHODS [TIMES]]
-- METHODS, such as capacity,latency: each keeps the better half of what the one before it kept.

local gshell = require "gshell"
local methods, times = ...

for _, found in ipairs(gshell.discover_all("example", "worker.*", { timeout = 5 })) do
  print(("there is %s/%s at %s"):format(found.publisher, found.service, found.address))
end
for _ = 1, tonumber(times or 1) do
  -- A new search for each piece of work: who has room changes.
  local conn <close> = gshell.discover("example", "worker.*", { timeout = 5, select = methods or "capacity,latency" })
  local began = gshell.now()
  local done = conn:call("worker.Work", { ms = 20 })
  print(("done by %s in %.1f ms"):format(done.by, (gshell.now() - began) * 1000))
end
