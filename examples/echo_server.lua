-- Streams with variables of their own, subscriptions, hooks:
-- gshell run examples/echo_server.lua [--tcp ADDRESS:PORT] [--delay SECONDS]

local gshell = require "gshell"
local SERVICE = "echo.v1.0"
-- Events that wait for one subscriber; one that does not read loses what comes beyond them.
local EVENTS = 64

local options, words = { delay = 0.5 }, { ... }
for i = 1, #words, 2 do
  local name = words[i]:match "^%-%-(%l+)$"
  assert((name == "tcp" or name == "delay") and words[i + 1],
    "usage: echo_server.lua [--tcp ADDRESS:PORT] [--delay SECONDS]")
  options[name] = words[i + 1]
end

local Request = gshell.message("echo.Request", {
  { "msg", "string", "Comes back with an exclamation mark." },
  { "num", "i32", "Comes back with one added." },
}, { help = "Is echoed." })
local Reply = gshell.message("echo.Reply", "{ msg: string, num: i32, signature: string }")
local WhoElse = gshell.message("echo.WhoElse", "{}", { help = "Asks who is connected." })
local Clients = gshell.message("echo.Clients", "{ clients: string }")
local SubWhoElseEvent = gshell.message("echo.SubWhoElseEvent", "{}", { help = "Subscribes to new connections." })
local Subscribed = gshell.message("echo.Subscribed", "{ status: i32 }")
local Joined = gshell.message("echo.Joined", "{ who: string }")

local clients, subscribers = {}, {}
local streams, requests = 0, 0

local function echo(request, stream)
  requests = requests + 1
  if not stream.vars.number then
    streams = streams + 1
    stream.vars.number = streams
  end
  gshell.sleep(tonumber(options.delay))
  return {
    msg = request.msg .. "!",
    num = request.num + 1,
    signature = ("yours %s from %d"):format(SERVICE, stream.vars.number),
  }
end

local function who_else()
  return { clients = table.concat(clients, " ") }
end

local function subscription(_, stream)
  local events = gshell.channel(EVENTS)
  subscribers[events] = true
  -- However this ends, also by the loss of the stream.
  local forget <close> = setmetatable({}, { __close = function() subscribers[events] = nil end })
  stream:send(Subscribed { status = 0 })
  for who in events:iter() do stream:send(Joined { who = who }) end
end

local server = gshell.server { publisher = "example" }
local service = server:publish(SERVICE, {
  [Request] = { echo, reply = Reply },
  [WhoElse] = { who_else, reply = Clients },
  [SubWhoElseEvent] = { subscription, reply = { Subscribed, Joined } },
}, {
  scope = "process,os",
  tcp = options.tcp,
  on_connect = function(peer)
    for events in pairs(subscribers) do
      if #events < EVENTS then events:send(peer.text) end
    end
    clients[#clients + 1] = peer.text
  end,
  on_disconnect = function(peer)
    for i, known in ipairs(clients) do
      if known == peer.text then return table.remove(clients, i) end
    end
  end,
})

print(("example/%s is served"):format(SERVICE))
if service.tcp then print("at tcp:" .. service.tcp) end
server:serve()
print(("echo server has served %d requests"):format(requests))
