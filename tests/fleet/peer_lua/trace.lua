-- Sends a message on its ways through the fleet, traced, and prints who passed it on, and the token.

local gshell = require "gshell"
local messages = require "messages"
local LIMIT = { timeout = 60 }

-- `ways`: addresses with commas between them; all start at `first`.
return function(first, ways)
  local branches = {}
  for i, way in ipairs(ways) do
    branches[i] = {}
    for address in way:gmatch "[^,]+" do table.insert(branches[i], address) end
  end
  local token = gshell.trace.tag("fleet.Relay", { count = 1 })
  local conn <close> = gshell.connect(first, LIMIT)
  for _, by in ipairs(conn:call(messages.Relay { branches = branches }, LIMIT).by) do print("by " .. by) end
  print("token " .. token)
  -- What this process noted is read while it runs.
  gshell.on_stop(function() end)
  gshell.sleep(1000)
end
