-- Calls the template service: gshell run -i examples/template_client.lua [--tcp HOST:PORT] [INPUT]

local gshell = require "gshell"
local words = { ... }
local address
if words[1] == "--tcp" then
  address = "tcp:" .. assert(words[2], "--tcp needs HOST:PORT")
  table.remove(words, 1)
  table.remove(words, 1)
end

local conn <close> = address and gshell.connect(address, { timeout = 5 })
  or gshell.discover("example", "template", { timeout = 5 })
print(conn:call("template.Request", { input = words[1] or "I say:" }, { timeout = 5 }).output)
