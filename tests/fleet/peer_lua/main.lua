-- One end of the fleet test in Lua; tests/fleet/peer is the same in Rust. What it is, is the first argument:
-- server NAME ADDRESS:PORT, client NAME TARGET..., trace ADDRESS WAY... A target is tcp:HOST:PORT or the name of a server.

local words = { ... }
local role, name = words[1], words[2]
local rest = table.move(words, 3, #words, 1, {})
if role == "server" then
  require "server"(name, rest[1])
elseif role == "client" then
  require "client"(name, rest)
elseif role == "trace" then
  require "trace"(name, rest)
else
  error("what is this to be: server, client or trace?", 0)
end
