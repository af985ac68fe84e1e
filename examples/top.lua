-- The busiest processes of this machine, by CPU and memory.
--
--   gshell run -i examples/top.lua            refreshes on a terminal until Ctrl-C
--   gshell run -i examples/top.lua -n 1       one plain table
--   gshell run -i examples/top.lua --help     all options

local gshell = require "gshell"
local json = require "gshell.json"
local proc = require "gshell.proc"
local time = require "gshell.time"

local USAGE = [[
usage: top.lua [options]
  -n, --count N      end after N tables (default: none on a terminal ends it)
  -i, --interval S   seconds between tables (default 1, at least 0.1)
  -p, --pid PID      only this process; may be given again
  -s, --sort KEY     cpu (default) or mem
  -l, --limit N      at most N lines of processes; 0 for all
      --tree         processes under their parents
      --threads      threads of each process
      --json         one JSON object a table, on one line
  -h, --help         this text
]]
-- CPU use is a difference: the first table waits this long, in seconds, for its second sample.
local FIRST = 0.2

local function fail(text)
  io.stderr:write("top.lua: ", text, "\n")
  os.exit(2)
end

-- Options ------------------------------------------------------------------------------------------------

local SHORT = { n = "count", i = "interval", p = "pid", s = "sort", l = "limit", h = "help" }
local FLAGS = { tree = true, threads = true, json = true, help = true }
local CHECKS = {
  count = function(v) local n = math.tointeger(tonumber(v)) return n and n >= 1 and n, "a number from 1 up" end,
  interval = function(v) local s = tonumber(v) return s and s >= 0.1 and s < 1e9 and s, "seconds from 0.1 up" end,
  pid = function(v) local p = math.tointeger(tonumber(v)) return p and p >= 1 and p <= 2147483647 and p, "a process number" end,
  sort = function(v) return (v == "cpu" or v == "mem") and v, "cpu or mem" end,
  limit = function(v) local n = math.tointeger(tonumber(v)) return n and n >= 0 and n, "a number from 0 up" end,
}

local function parse(args)
  local options = { interval = 1, sort = "cpu", pids = {} }
  local i = 1
  while i <= #args do
    local word = args[i]
    local name, value = word:match "^%-%-([%w-]+)=(.*)$"
    if not name then
      name = word:match "^%-%-([%w-]+)$"
      local letter, rest = word:match "^%-(%a)(.*)$"
      if letter then
        name = SHORT[letter]
        if rest ~= "" then value = rest end
      end
    end
    if name and FLAGS[name] and not value then
      options[name] = true
    elseif name and CHECKS[name] then
      if not value then
        i = i + 1
        value = args[i] or fail(word .. " needs a value")
      end
      local checked, wanted = CHECKS[name](value)
      if not checked then fail(("%s takes %s, not \"%s\""):format(word, wanted, value)) end
      if name == "pid" then table.insert(options.pids, checked) else options[name] = checked end
    else
      fail("unknown option \"" .. word .. "\"; --help lists them")
    end
    i = i + 1
  end
  return options
end

-- Texts --------------------------------------------------------------------------------------------------

-- Names are any bytes: what is no text, or would move the cursor, becomes a question mark.
local function clean(text)
  text = text:gsub("%c", "?")
  if not utf8.len(text) then text = text:gsub("[\x80-\xff]", "?") end
  return text
end

local function size(bytes)
  for _, unit in ipairs { "K", "M", "G" } do
    bytes = bytes / 1024
    if bytes < 1000 or unit == "G" then
      return (unit == "K" and "%.0f%s" or "%.1f%s"):format(bytes, unit)
    end
  end
end

local function label(row)
  if row.kernel then return "[" .. clean(row.comm) .. "]" end
  return clean(row.cmdline ~= "" and row.cmdline or row.comm)
end

local function line_of(row, prefix, text)
  return ("%7d %4d %s %6.1f %8s  %s%s"):format(row.tid or row.pid, row.priority, row.state, row.cpu,
    row.rss and size(row.rss) or "", prefix, text)
end

-- Tables -------------------------------------------------------------------------------------------------

local function sort(rows, key)
  local first, second = "cpu", "rss"
  if key == "mem" then first, second = second, first end
  table.sort(rows, function(a, b)
    if a[first] ~= b[first] then return a[first] > b[first] end
    if a[second] ~= b[second] then return a[second] > b[second] end
    return a.pid < b.pid
  end)
end

-- Threads that work have a line each; idle ones of a name share one: "3*<worker>: [11 12 13]".
local function thread_lines(row, prefix, lines)
  local idle, order, entries = {}, {}, {}
  for _, task in ipairs(row.tasks) do
    if task.tid ~= row.pid then
      if task.cpu > 0 then
        entries[#entries + 1] = function(mark) return line_of(task, mark, "<" .. clean(task.comm) .. ">") end
      else
        local name = clean(task.comm)
        if not idle[name] then
          idle[name] = {}
          order[#order + 1] = name
        end
        table.insert(idle[name], task.tid)
      end
    end
  end
  for _, name in ipairs(order) do
    local tids = idle[name]
    entries[#entries + 1] = function(mark)
      return (" "):rep(32) .. ("%s%d*<%s>: [%s]"):format(mark, #tids, name, table.concat(tids, " "))
    end
  end
  for i, entry in ipairs(entries) do
    lines[#lines + 1] = entry(prefix .. (i == #entries and "└> " or "├> "))
  end
end

local function tree_lines(rows, options, prefix, lines)
  sort(rows, options.sort)
  for i, row in ipairs(rows) do
    local last = i == #rows
    local root = prefix == nil
    lines[#lines + 1] = line_of(row, root and "" or prefix .. (last and "└─ " or "├─ "), label(row))
    local below = root and "" or prefix .. (last and "   " or "│  ")
    if row.tasks then thread_lines(row, below .. (#row.children > 0 and "│  " or ""), lines) end
    tree_lines(row.children, options, below, lines)
  end
end

local function process_lines(rows, options)
  local lines = {}
  if options.tree then
    tree_lines(proc.tree(rows), options, nil, lines)
  else
    sort(rows, options.sort)
    for _, row in ipairs(rows) do
      lines[#lines + 1] = line_of(row, "", label(row))
      if row.tasks then thread_lines(row, "", lines) end
    end
  end
  return lines
end

local function head_lines(count, usage)
  local one, five, fifteen, running, threads = proc.loadavg()
  local memory, all = proc.memory(), usage.all
  return {
    ("%s  up %s  load %.2f %.2f %.2f  %d processes, %d threads, %d running"):format(
      time.date "%H:%M:%S", time.duration(proc.uptime()), one, five, fifteen, count, threads, running),
    ("CPU %5.1f%% of %d: user %.1f, nice %.1f, system %.1f, iowait %.1f, irq %.1f, steal %.1f"):format(
      all.busy, #usage, all.user, all.nice, all.system, all.iowait, all.irq + all.softirq, all.steal),
    ("Mem %s of %s used: free %s, cached %s, buffers %s, shared %s, swap %s"):format(
      size(memory.used), size(memory.total), size(memory.free or 0), size(memory.cached or 0),
      size(memory.buffers or 0), size(memory.shmem or 0), size(memory.swap_used)),
    "",
    "    PID PRIO S   CPU%      MEM  COMMAND",
  }
end

local function show_json(rows, usage, options)
  local one, five, fifteen = proc.loadavg()
  local function tidy(row)
    row.comm, row.cmdline = clean(row.comm), row.cmdline and clean(row.cmdline)
    for _, task in ipairs(row.tasks or {}) do tidy(task) end
    if row.tasks then json.array(row.tasks) end
  end
  for _, row in ipairs(rows) do tidy(row) end
  sort(rows, options.sort)
  if options.limit and options.limit > 0 then
    for i = #rows, options.limit + 1, -1 do rows[i] = nil end
  end
  local roots = options.tree and proc.tree(rows) or rows
  if options.tree then
    for _, row in ipairs(rows) do json.array(row.children) end
  end
  print(json.encode({
    time = time.rfc3339(), uptime = proc.uptime(), load = { one, five, fifteen }, cpu = usage.all,
    cpus = json.array(table.move(usage, 1, #usage, 1, {})), memory = proc.memory(), processes = json.array(roots),
  }, { sort = true }))
end

-- Cuts a line to a number of columns; a character counts as one.
local function cut(line, columns)
  local after = utf8.offset(line, columns + 1)
  return after and line:sub(1, after - 1) or line
end

local function show(rows, usage, options, screen)
  if options.json then return show_json(rows, usage, options) end
  local head, lines = head_lines(#rows, usage), process_lines(rows, options)
  local limit = options.limit or (screen and math.max(screen.rows - #head - 1, 1)) or 0
  if limit == 0 then limit = #lines end
  local out = table.move(lines, 1, math.min(limit, #lines), #head + 1, head)
  if not screen then
    io.write(table.concat(out, "\n"), "\n")
    return
  end
  for i, line in ipairs(out) do out[i] = cut(line, screen.cols) end
  -- Home, each line up to its end, and nothing below: no flicker, as clearing first would give.
  io.write("\27[H", table.concat(out, "\27[K\n"), "\27[K\n\27[J")
end

-- Main ---------------------------------------------------------------------------------------------------

local options = parse { ... }
if options.help then
  io.write(USAGE)
  return
end

local function main()
  local sampler = proc.sampler { threads = options.threads, pids = #options.pids > 0 and options.pids or nil }
  local before = proc.cpus()
  sampler:sample()
  local pause, shown = FIRST, 0
  repeat
    gshell.sleep(pause)
    local rows, now = sampler:sample(), proc.cpus()
    if #rows == 0 and #options.pids > 0 then
      io.stderr:write "top.lua: no such process\n"
      os.exit(1)
    end
    local screen = options.count ~= 1 and not options.json and gshell.terminal() or nil
    if screen and shown == 0 then io.write "\27[2J" end
    show(rows, proc.usage(before, now), options, screen)
    before, shown, pause = now, shown + 1, options.interval
  until shown == options.count
end

-- Ctrl-C asks the script to stop: waiting then fails with this code, and the last table stays on the screen.
local ok, err = pcall(main)
if not ok and not (type(err) == "table" and err.code == "stopped") then error(err, 0) end
