-- Memory of processes in KiB, a line each, with what they share divided among those who share it: pss.lua PID...

local proc = require "gshell.proc"
for _, pid in ipairs { ... } do
  print(math.floor(proc.pss(tonumber(pid)) / 1024))
end
