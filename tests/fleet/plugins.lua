-- Uses the plugins that the node has installed, then calls the services of the plugin `echo`: NAME,... tcp:HOST:PORT...
-- Says of each service how many of 40 requests were answered right.

local gshell = require "gshell"
local REQUESTS, LIMIT = 40, { timeout = 60 }

-- What has to come out, on every processor.
local known = {
  echo = function(echo)
    assert(echo.add(1 << 40, -1) == 1099511627775)
    assert(echo.divide(-7, 2) == -4)
    assert(math.abs(echo.sum { 0.5, 0.25, -1e300, 1e300 } - 0) < 1)
  end,
  hash = function(hash)
    assert(hash.hex("crc32", "123456789") == "cbf43926")
    assert(hash.hex("sha256", "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
  end,
  regex = function(regex) assert(regex.new("(\\w+)@(\\w+)"):captures("to me@home")[2] == "home") end,
  sum = function(sum) assert(sum.add(2, 3) == 5) end,
}

local words = { ... }
for name in words[1]:gmatch "[^,]+" do
  local plugin = require(name)
  if known[name] then known[name](plugin) end
end

local function ask(conn, num)
  local text = ("Grüße, %d\0"):format(num):rep(1 + num % 7)
  local ok, reply = pcall(conn.call, conn, "echo.Request", { msg = text, num = num }, LIMIT)
  local right = ok and reply.msg == text .. "!" and reply.num == num + 1
  if not right then io.stderr:write(("wrong: %s\n"):format(ok and "another answer" or tostring(reply))) end
  return right
end

for i = 2, #words do
  local conn <close> = gshell.connect(words[i], LIMIT)
  local right = 0
  for n = 1, REQUESTS do
    -- Both ends of what 32 bits hold, and what is between them.
    local num = n == 1 and -(1 << 31) or n == 2 and (1 << 31) - 2 or n * 1000003
    if ask(conn, num) then right = right + 1 end
  end
  print(("%s right=%d"):format(words[i], right))
end
