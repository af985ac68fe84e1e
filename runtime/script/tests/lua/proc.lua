-- gshell.proc on the live machine.
local proc = require "gshell.proc"
local process = require "gshell.process"

local cpus = proc.cpus()
assert(#cpus >= 1 and cpus.all.user >= 0 and cpus[1].cpu == 0 and cpus[1].idle > 0)
local usage = proc.usage(cpus)
assert(#usage == #cpus and usage.all.busy >= 0 and usage.all.busy <= 100)
local same = proc.usage(cpus, cpus)
assert(same.all.busy == 0 and same[1].idle == 0)

local memory = proc.memory()
assert(memory.total > 0 and memory.available <= memory.total and memory.used == memory.total - memory.available)
local one, five, fifteen, running, threads = proc.loadavg()
assert(one >= 0 and five >= 0 and fifteen >= 0 and running >= 0 and threads >= 1)
assert(proc.uptime() > 0 and proc.boot_time() > 0)

local me = proc.info()
assert(me.pid == proc.info(me.pid).pid and me.threads >= 1 and me.rss > 0 and me.uid and me.kernel == false)
assert(me.start <= os.time() + 1 and #me.state == 1)
assert(proc.info(2147483647) == nil and proc.pss(2147483647) == nil and proc.threads(2147483647) == nil)
assert(proc.pss() > 0)
local tasks = proc.threads()
assert(#tasks == me.threads or #tasks >= 1)
assert(tasks[1].tid == me.pid and tasks[1].pid == me.pid)

local child <close> = process.spawn({ "sh", "-c", "echo ready; while :; do :; done" })
assert(child:lines()() == "ready")
local sampler = proc.sampler { threads = true, pss = true }
local rows = sampler:sample()
local function row_of(pid)
  for _, row in ipairs(rows) do if row.pid == pid then return row end end
end
local row = row_of(child.pid)
assert(row.cpu == 0.0 and row.comm == "sh" and row.cmdline:find("^sh %-c echo ready") and row.pss > 0)
assert(#row.tasks == 1 and row.tasks[1].tid == child.pid)
for _ = 1, 10000 do
  rows = sampler:sample()
  row = row_of(child.pid)
  if row.cpu > 0 then break end
end
assert(row.cpu > 0, "a busy loop uses the CPU")
local only = proc.sampler { pids = { child.pid } }:sample()
assert(#only == 1 and only[1].pid == child.pid)

local tree = proc.tree(me.pid)
local found = false
for _, node in ipairs(tree.children) do found = found or node.pid == child.pid end
assert(found and #proc.tree() >= 1)
local roots = proc.tree(rows)
assert(#roots >= 1 and roots[1].children)
assert(proc.tree(2147483647) == nil)

local pids = proc.pidof("sh", "no such name")
found = false
for _, pid in ipairs(pids) do found = found or pid == child.pid end
assert(found and #proc.pidof() == 0)

for _, wrong in ipairs { { pss = 0 }, { pss = "x" }, { thread = true } } do
  local ok, err = pcall(proc.sampler, wrong)
  assert(not ok and err.code == "invalid")
end
