-- A service to copy: gshell run examples/template_server.lua [--tcp ADDRESS:PORT]
-- Put your messages and your work in place of those here. gshell schema example/template shows what callers see.

local gshell = require "gshell"
local option, tcp = ...
assert(option == nil or option == "--tcp" and tcp, "usage: template_server.lua [--tcp ADDRESS:PORT]")

local Request = gshell.message("template.Request", { { "input", "string", "What is to be worked on." } },
  { help = "Asks for the output that belongs to an input." })
local Reply = gshell.message("template.Reply", { { "output", "string", "The input, worked on." } })

local function work(input)
  -- What the caller did wrong: it gets this as the error of its call.
  if input == "" then error { code = "invalid", message = "the input is empty" } end
  return input .. " Hello template"
end

local server = gshell.server { publisher = "example" }
local service = server:publish("template", {
  [Request] = { function(request) return { output = work(request.input) } end, reply = Reply },
}, { scope = "process,os", tcp = tcp })

print "example/template is served"
if service.tcp then print("at tcp:" .. service.tcp) end
server:serve()
