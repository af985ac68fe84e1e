-- A service that changes what it gets in a way that its callers work out as well, so that a byte or a bit which another
-- architecture reads otherwise shows: fleet.lua serve ADDRESS:PORT NAME, fleet.lua call NAME MESSAGES NODE=ADDRESS:PORT...

local gshell = require "gshell"

local SHAPE = [[{
  from: string, n: i64, small: i16, large: u32, ratio: f64, half: f32, raw: bytes, list: [i32],
  map: map<string, i64>, option: string?, kind: Off | On(i32) | At { x: i32, y: u8 }
}]]
local Question = gshell.message("fleet.Question", SHAPE, { help = "Comes back changed." })
local Answer = gshell.message("fleet.Answer", SHAPE)

-- The question number `i` of a node.
local function question(from, i)
  local kinds = { "Off", { On = -i }, { At = { x = i * 65537, y = i % 256 } } }
  return {
    from = from,
    n = i * 0x0123456789AB - (1 << 62),
    small = i % 30000 - 15000,
    large = 4000000000 + i,
    ratio = i / 3,
    half = i / 4,
    raw = string.pack("<I4>I4", i, i) .. "\0\255" .. from,
    list = { i, -i, i << 8, 2147483647 - i },
    map = { [from] = i, [""] = -i },
    option = i % 2 == 0 and "even" or nil,
    kind = kinds[i % 3 + 1],
  }
end

-- What the node `name` makes of a question.
local function changed(q, name)
  local list = {}
  for k = #q.list, 1, -1 do list[#list + 1] = ~q.list[k] end
  local map = {}
  for key, value in pairs(q.map) do map[key .. "@" .. name] = value * 0x100000001 end
  return {
    from = name,
    n = ~q.n,
    small = -q.small,
    large = q.large ~ 0xFF00FF,
    ratio = q.ratio * 0.1,
    half = q.half / 2,
    raw = q.raw:reverse(),
    list = list,
    map = map,
    option = not q.option and "odd" or nil,
    kind = q.kind,
  }
end

local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  for key, value in pairs(a) do
    if not same(value, b[key]) then return false end
  end
  for key in pairs(b) do
    if a[key] == nil then return false end
  end
  return true
end

local function serve(address, name)
  local server = gshell.server { publisher = "example" }
  server:publish("fleet", {
    [Question] = { function(q) return changed(q, name) end, reply = Answer },
  }, { scope = "process,os", tcp = address })
  print "example/fleet is served"
  server:serve()
end

-- Asks one node, and prints: NODE GOOD WRONG REASON
local function ask(from, messages, node, address)
  local good, wrong, reason = 0, 0, ""
  local fine, err = pcall(function()
    local conn <close> = gshell.connect("tcp:" .. address, { timeout = 20 })
    for i = 1, messages do
      local q = question(from, i)
      local answer = conn:call("fleet.Question", q, { timeout = 20 })
      if same(answer, changed(q, node)) then good = good + 1 else wrong = wrong + 1 end
    end
  end)
  if not fine then wrong, reason = messages - good, tostring(err) end
  print(node, good, wrong, reason)
end

local words = { ... }
local command = table.remove(words, 1)
if command == "serve" and #words == 2 then
  serve(words[1], words[2])
elseif command == "call" and #words > 2 then
  for i = 3, #words do
    local node, address = words[i]:match "^([^=]+)=(.+)$"
    ask(words[1], assert(tonumber(words[2]), "MESSAGES is a number"), node, address)
  end
else
  error("usage: fleet.lua serve ADDRESS:PORT NAME | call NAME MESSAGES NODE=ADDRESS:PORT...", 0)
end
