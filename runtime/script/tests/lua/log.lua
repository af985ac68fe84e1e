-- gshell.log: what is written, and what is not.
local log = require "gshell.log"

log.info "started"
log.debug "not shown"
log.warn("%d of %d", 1, 2)
local tcp = log.logger "net.tcp"
tcp:debug "not shown"
log.set_level("debug", "net.*, db")
tcp:debug "shown"
assert(log.logger "net.tcp":level() == "debug" and log.logger "net.tcp".name == "net.tcp")
assert(log.logger "db":enabled "debug" and not log.logger "web":enabled "debug")
log.set_level "off"
log.error "not shown"
tcp:error "not shown"
log.set_level "info"
local ok, err = pcall(log.fatal, "end")
assert(not ok and err.code == "fatal" and err.message == "end")
log.setup { output = "stdout", source = true }
log.logger "web":info "to the other stream"
log.setup { output = "stderr", source = false }
local levels = log.loggers()
assert(levels["net.tcp"] == "info" and levels.web == "info")
for _, wrong in ipairs { { output = "printer" }, { colour = true }, { utc = {} } } do
  ok, err = pcall(log.setup, wrong)
  assert(not ok and err.code == "invalid", tostring(err))
end
ok, err = pcall(log.set_level, "loud")
assert(not ok and err.code == "invalid")
ok, err = pcall(log.setup, { output = "file:/proc/none/log" })
assert(not ok and err.code == "not_found", tostring(err))
log.setup { utc = false }
