-- `gshell run echo`: publishes the plugin's service, whose handlers are compiled, and serves until it is stopped.
-- Options: --tcp ADDRESS:PORT
local gshell = require "gshell"
local echo = require "echo"

local options, words = {}, { ... }
for i = 1, #words, 2 do
  local name = words[i]:match "^%-%-(%l+)$"
  assert(name == "tcp" and words[i + 1], "usage: gshell run echo [--tcp ADDRESS:PORT]")
  options[name] = words[i + 1]
end

local server = gshell.server { publisher = "example" }
server:publish("echo-plugin", echo, { scope = "process,os", tcp = options.tcp })
print "echo serves"
server:serve()
