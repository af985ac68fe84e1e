-- Calls the hello service, whatever it is written in: gshell run -i examples/hello_client.lua [--tcp HOST:PORT] [NAME]

local gshell = require "gshell"
local words = { ... }
local address
if words[1] == "--tcp" then
  address = "tcp:" .. assert(words[2], "--tcp needs HOST:PORT")
  table.remove(words, 1)
  table.remove(words, 1)
end

local conn <close> = address and gshell.connect(address, { timeout = 5 })
  or gshell.discover("example", "hello", { timeout = 5 })

-- The service says what a hello.Request is; a table with its fields is enough.
local reply = conn:call("hello.Request", { who = words[1] or "John", question = "who are you" }, { timeout = 5 })
print(reply.answer)
