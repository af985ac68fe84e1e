-- gshell.process: run and spawn, their streams, ends, limits, and that no child outlives its purpose.
local process = require "gshell.process"
local proc = require "gshell.proc"

local function fails(code, f, ...)
  local ok, err = pcall(f, ...)
  assert(not ok, "expected a failure")
  assert(err.code == code, ("expected %s, got %s: %s"):format(code, err.code, tostring(err)))
  return err.message
end

-- run.
local r = process.run("echo out; echo err >&2; exit 3")
assert(r.stdout == "out\n" and r.stderr == "err\n" and r.code == 3 and r.signal == nil and r.ok == false)
r = process.run({ "printf", "%s|", "$HOME", "a b", 5 })
assert(r.stdout == "$HOME|a b|5|" and r.ok)
assert(process.run("cat; echo 1 >&2", { input = "in", merge = true }).stdout == "in1\n")
local megabyte = ("x"):rep(1 << 20)
assert(process.run("cat", { input = megabyte }).stdout == megabyte)
assert(process.run("exit 0", { input = megabyte }).ok, "input that nobody reads is no error")
assert(process.run("cat").stdout == "", "no input is an empty one")
r = process.run("echo $A; pwd", { env = { A = 7 }, dir = "/" })
assert(r.stdout == "7\n/\n")
assert(process.run({ "/usr/bin/env" }, { env = { B = "1" }, clear_env = true }).stdout == "B=1\n")
assert(process.run("kill -TERM $$").signal == "SIGTERM")
local message = fails("failed", process.run, "echo first >&2; echo why >&2; exit 4", { check = true })
assert(message:find("exit status 4: why", 1, true), message)
assert(fails("limit", process.run, "yes", { limit = 100000 }):find("longer than 100000 bytes", 1, true))
assert(fails("timeout", process.run, "sleep 1000 & sleep 1000", { timeout = 0.05 }):find("sleep 1000", 1, true))
fails("not_found", process.run, { "/no/such/program" })
fails("not_found", process.run, "true", { dir = "/no/such/dir" })
fails("invalid", process.run, {})
fails("invalid", process.run, "true", { tiemout = 1 })
fails("invalid", process.run, "true", { timeout = -1 })

-- spawn.
local child = process.spawn("while read line; do echo \"<$line>\"; done; echo end >&2; exit 5")
assert(child.pid > 1 and child:running() and proc.info(child.pid).ppid == proc.info().pid)
child:write("a\nb\n")
local lines = child:lines()
assert(lines() == "<a>" and lines() == "<b>")
child:write("c")
child:close_stdin()
assert(lines() == nil)
assert(child:read_error() == "end\n" and child:read_error() == nil)
local status = child:wait()
assert(status.code == 5 and not status.ok and not child:running())
assert(child:wait().code == 5, "waiting again gives the same")
assert(child:kill() == false, "it has ended")
fails("closed", child.write, child, "x")

child = process.spawn({ "cat" }, { stderr = "null" })
child:write("abc")
assert(child:read(2) == "ab" and child:read(2) == "c")
assert(child:wait(0) == nil)
assert(child:kill("TERM") == true)
assert(child:wait().signal == "SIGTERM")
fails("invalid", child.kill, child, "NOSUCH")

child = process.spawn("echo a; echo b >&2", { merge = true, stdin = "null" })
local all = {}
for line in child:lines() do all[#all + 1] = line end
assert(table.concat(all) == "ab")
assert(child:read_error() == nil)

-- Leaving the block kills the whole group.
local pids
do
  local group <close> = process.spawn("sleep 1000 & echo $!; sleep 1000")
  pids = { group.pid, math.tointeger(group:lines()()) }
end
for _, pid in ipairs(pids) do
  for _ = 1, 500 do
    local info = proc.info(pid)
    if not info or info.state == "Z" then pid = nil break end
    process.run("sleep 0.01")
  end
  assert(pid == nil, "a child survived")
end
