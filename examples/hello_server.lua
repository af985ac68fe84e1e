-- The smallest service: gshell run examples/hello_server.lua [--tcp ADDRESS:PORT]
-- Callers: examples/hello_client.lua, cargo run -p gshell-service --example hello -- client, and
-- gshell call example/hello hello.Request '{"who": "John", "question": "who are you"}'

local gshell = require "gshell"
local option, tcp = ...
assert(option == nil or option == "--tcp" and tcp, "usage: hello_server.lua [--tcp ADDRESS:PORT]")

local Request = gshell.message("hello.Request", "{ who: string, question: string }",
  { help = "Asks the hello service something." })
local Reply = gshell.message("hello.Reply", "{ answer: string }")

local server = gshell.server { publisher = "example" }
local service = server:publish("hello", {
  [Request] = { function(request)
    return { answer = "I am hello server, " .. request.who }
  end, reply = Reply },
}, { scope = "process,os", tcp = tcp })

print "example/hello is served"
if service.tcp then print("at tcp:" .. service.tcp) end
server:serve()
