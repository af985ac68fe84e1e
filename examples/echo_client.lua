-- Streams, a subscription, timeouts:
-- gshell run -i examples/echo_client.lua [--tcp HOST:PORT] [--cmd echo|whoelse] [--every SECONDS] [--times N]

local gshell = require "gshell"
local REQUESTS, STREAMS, LIMIT = 9, 10, { timeout = 5 }

local options, words = { cmd = "echo", every = 3, times = 200 }, { ... }
for i = 1, #words, 2 do options[words[i]:match "^%-%-(%l+)$" or "?"] = assert(words[i + 1], "a value is missing") end

local function connect()
  if options.tcp then return gshell.connect("tcp:" .. options.tcp, LIMIT) end
  return gshell.discover("example", "echo.v1.0", LIMIT)
end

-- `target` is the connection, whose own stream is used, or a stream.
local function requests(target, first)
  for num = first, first + REQUESTS - 1 do
    local reply = target:call("echo.Request", { msg = "ni hao", num = num }, LIMIT)
    print(("{ni hao %d} ==> {%s %d}, %s"):format(num, reply.msg, reply.num, reply.signature))
  end
end

-- Nine requests one after the other, then as many on each of ten streams at the same time.
local function echo()
  local conn <close> = connect()
  requests(conn, 100)
  local tasks = {}
  for n = 1, STREAMS do
    tasks[n] = gshell.spawn(function()
      local stream <close> = conn:stream()
      requests(stream, (n + 1) * 100)
    end)
  end
  for _, task in ipairs(tasks) do task:join() end
end

-- Asks who is connected again and again, and prints meanwhile who comes.
local function who_else()
  local conn <close> = connect()
  -- A subscription has a stream to itself, so that what comes on it is nothing but events.
  local events <close> = conn:stream()
  events:send("echo.SubWhoElseEvent", {})
  local subscribed = assert(events:recv(LIMIT))
  print(("subscribed: %d"):format(subscribed.status))
  gshell.spawn(function()
    for joined in events:messages() do print("event: new connection of " .. joined.who) end
  end)
  for _ = 1, tonumber(options.times) do
    print("who else: " .. conn:call("echo.WhoElse", {}, LIMIT).clients)
    gshell.sleep(tonumber(options.every))
  end
end

local commands = { echo = echo, whoelse = who_else }
local command = commands[options.cmd] or error("unknown cmd", 0)
command()
