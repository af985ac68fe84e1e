-- `gshell run asbench`: publishes the plugin's service, whose handlers are compiled, and serves until it is stopped.
-- Options: --tcp ADDRESS:PORT
local gshell = require "gshell"
local asbench = require "asbench"

local options, words = {}, { ... }
for i = 1, #words, 2 do
  local name = words[i]:match "^%-%-(%l+)$"
  assert(name == "tcp" and words[i + 1], "usage: gshell run asbench [--tcp ADDRESS:PORT]")
  options[name] = words[i + 1]
end

local server = gshell.server { publisher = "platform" }
server:publish("asbench", asbench, { scope = "process,os", tcp = options.tcp })
print "asbench serves"
server:serve()
