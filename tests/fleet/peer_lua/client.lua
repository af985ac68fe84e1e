-- The client: calls services, checks what comes back, and says of each how many messages there were and how many wrong.

local gshell = require "gshell"
local messages, values = require "messages", require "values"
local LIMIT = { timeout = 60 }
local CALLS, BIGS, EXCHANGED, POKES = 24, 2, 24, 5
local CODES = { "not_found", "exists", "invalid", "denied", "limit", "busy", "state", "storage" }

local tally

-- Counts messages that belong together: all are right, or one is wrong.
local function count(what, number, wrong)
  if not wrong then
    tally.right = tally.right + number
  else
    tally.wrong = tally.wrong + 1
    io.stderr:write(("wrong: %s: %s: %s\n"):format(tally.target, what, wrong))
  end
end

local function call(conn, what, of, message, n)
  local ok, answer = pcall(conn.call, conn, message, of(n), LIMIT)
  if not ok then return count(what, 2, tostring(answer)) end
  count(what, 2, values.difference(answer, of(n + 1)))
end

local function exchange(conn, from)
  local stream <close> = conn:stream()
  stream:send(messages.Exchange { from = from, count = EXCHANGED })
  for i = 0, EXCHANGED - 1 do
    count("a message of a stream", 1, values.difference(assert(stream:recv(LIMIT)).body, values.all(from + i)))
  end
  for i = 0, EXCHANGED - 1 do stream:send(messages.Item { body = values.all(from + i) }) end
  local total = assert(stream:recv(LIMIT))
  count("what the service has of a stream", EXCHANGED + 2,
    values.difference(total, { right = EXCHANGED, wrong = 0 }))
end

local function events(conn, who)
  local stream <close> = conn:stream()
  stream:send(messages.Watch { who = who })
  local _, name = stream:recv(LIMIT)
  count("a subscription", 2, name ~= "fleet.Watching" and name)
  for i = 0, POKES - 1 do
    local n = values.unsigned(-1 - i)
    local poked = conn:call(messages.Poke { who = who, n = n }, LIMIT)
    count("who was told", 2, values.difference(poked, { watchers = 1 }))
    count("an event", 1, values.difference(assert(stream:recv(LIMIT)), { n = n }))
  end
end

local function errors(conn)
  for _, code in ipairs(CODES) do
    local message = code .. ": für dich"
    local ok, err = pcall(conn.call, conn, messages.Fail { code = code, message = message }, LIMIT)
    local right = not ok and err.code == code and err.message == message
    count("an error", 2, not right and tostring(err))
  end
end

local function everything(target, who, first)
  local is_address = target:find(":", 1, true)
  local conn <close> = is_address and gshell.connect(target, LIMIT)
    or gshell.discover("example", "fleet." .. target, LIMIT)
  for i = 0, CALLS - 1 do call(conn, "a call", values.all, messages.All, first + i) end
  for i = 0, BIGS - 1 do call(conn, "a big call", values.big, messages.Big, first + i) end
  exchange(conn, first)
  events(conn, who .. " to " .. target)
  errors(conn)
end

return function(who, targets)
  local wrong = 0
  for at, target in ipairs(targets) do
    tally = { target = target, right = 0, wrong = 0 }
    -- Numbers above 2^53, which no float holds, and others for each target.
    local ok, err = pcall(everything, target, who, (1 << 60) + (at - 1) * 1024)
    if not ok then count("a conversation", 0, tostring(err)) end
    print(("%s right=%d wrong=%d"):format(target, tally.right, tally.wrong))
    wrong = wrong + tally.wrong
  end
  if wrong > 0 then error(wrong .. " messages were wrong", 0) end
end
