-- One of several services that do the same: gshell run examples/select_provider_server.lua NAME [--tcp ADDRESS:PORT]
-- On one machine a name exists once, so each has a name of its own, and clients look for worker.*.

local gshell = require "gshell"
local name, option, tcp = ...
assert(name and (option == nil or option == "--tcp" and tcp),
  "usage: select_provider_server.lua NAME [--tcp ADDRESS:PORT]")

local Work = gshell.message("worker.Work", { { "ms", "u32", "How long it takes." } }, { help = "Asks for some work." })
local Done = gshell.message("worker.Done", { { "by", "string", "Who did it." } })

local server = gshell.server { publisher = "example" }
local service = server:publish("worker." .. name, {
  [Work] = { function(work)
    gshell.sleep(work.ms / 1000)
    return { by = name }
  end, reply = Done },
}, { scope = "process,os", tcp = tcp, workers = { resident = 1, max = 4, weight = 2 } })

print(("example/worker.%s is served"):format(name))
if service.tcp then print("at tcp:" .. service.tcp) end
server:serve()
