-- The service: checks what it is sent, answers with the next.

local gshell = require "gshell"
local messages, values = require "messages", require "values"
local LIMIT, EVENTS = { timeout = 60 }, 64

local watchers = {}

local function checked(of, request)
  local n = values.bits(request.n)
  local wrong = values.difference(request, of(n))
  if wrong then error { code = "bad_message", message = ("%s of message %s is wrong"):format(wrong, request.n) } end
  return of(n + 1)
end

local function exchange(request, stream)
  local from, right, wrong = values.bits(request.from), 0, 0
  for i = 0, request.count - 1 do stream:send(messages.Item { body = values.all(from + i) }) end
  for i = 0, request.count - 1 do
    local item = stream:recv(LIMIT)
    if not item then break end
    if values.difference(item.body, values.all(from + i)) then wrong = wrong + 1 else right = right + 1 end
  end
  stream:send(messages.Total { right = right, wrong = wrong })
end

local function watch(request, stream)
  local events = gshell.channel(EVENTS)
  watchers[events] = request.who
  local forget <close> = setmetatable({}, { __close = function() watchers[events] = nil end })
  stream:send(messages.Watching {})
  for n in events:iter() do stream:send(messages.Seen { n = n }) end
end

local function poke(request)
  local told = 0
  for events, who in pairs(watchers) do
    if who == request.who and #events < EVENTS then
      events:send(request.n)
      told = told + 1
    end
  end
  return { watchers = told }
end

local function pass_on(branch)
  local conn <close> = gshell.connect(branch[1], LIMIT)
  local rest = table.move(branch, 2, #branch, 1, {})
  return conn:call(messages.Relay { branches = #rest > 0 and { rest } or {} }, LIMIT).by
end

local function relay(name, request)
  if #request.branches == 0 then return { by = { name } } end
  local tasks, by = {}, {}
  for i, branch in ipairs(request.branches) do tasks[i] = gshell.spawn(pass_on, branch) end
  for _, task in ipairs(tasks) do
    for _, further in ipairs(task:join()) do by[#by + 1] = name .. ">" .. further end
  end
  return { by = by }
end

return function(name, tcp)
  local server = gshell.server { publisher = "example" }
  local service = server:publish("fleet." .. name, {
    [messages.All] = { function(request) return checked(values.all, request) end, reply = messages.All },
    [messages.Big] = { function(request) return checked(values.big, request) end, reply = messages.Big },
    [messages.Exchange] = { exchange, reply = { messages.Item, messages.Total } },
    [messages.Watch] = { watch, reply = { messages.Watching, messages.Seen } },
    [messages.Poke] = { poke, reply = messages.Poked },
    [messages.Fail] = { function(request) error { code = request.code, message = request.message } end,
      reply = messages.Total },
    [messages.Relay] = { function(request) return relay(name, request) end, reply = messages.Relayed },
  }, { scope = "process,os", tcp = tcp, workers = { max = 64 } })
  print(("example/fleet.%s is served"):format(name))
  if service.tcp then print("at tcp:" .. service.tcp) end
  server:serve()
end
