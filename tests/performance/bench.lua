-- Four pieces of plain Lua work; prints the name and the seconds of processor time of each.

local function fib(n)
  if n < 2 then return n end
  return fib(n - 1) + fib(n - 2)
end

local function loop()
  local sum = 0
  for i = 1, 50000000 do sum = sum + i end
  return sum
end

local function strings()
  local parts = {}
  for i = 1, 200000 do
    parts[#parts + 1] = ("%05d:%s"):format(i, tostring(i):rep(2))
  end
  local text, found = table.concat(parts, ","), 0
  for number in text:gmatch("%d+:") do found = found + #number end
  return found + #text:upper():gsub("1", "one")
end

local function tables()
  local sum = 0
  for round = 1, 20 do
    local list = {}
    for i = 1, 50000 do list[i] = (i * 7919) % 50021 end
    table.sort(list)
    local by_key = {}
    for i, value in ipairs(list) do by_key["k" .. value % 1000] = i end
    for _, value in pairs(by_key) do sum = sum + value end
  end
  return sum
end

local function timed(name, work)
  collectgarbage()
  local start = os.clock()
  work()
  print(("%s\t%.4f"):format(name, os.clock() - start))
end

timed("fib(32)", function() return fib(32) end)
timed("a loop of 50 million rounds", loop)
timed("string work", strings)
timed("table work", tables)
