---@meta gshell.proc

---CPUs, memory, processes and threads of this machine. Bytes and seconds.
---@class gshell.proc
local proc = {}

---@class gshell.proc.Cpu
---@field cpu? integer number; absent in the sum
---@field user number
---@field nice number
---@field system number
---@field idle number
---@field iowait number
---@field irq number
---@field softirq number
---@field steal number

---@class gshell.proc.Cpus
---@field all gshell.proc.Cpu the sum
---@field [integer] gshell.proc.Cpu

---@class gshell.proc.CpuUsage: gshell.proc.Cpu
---@field busy number all but idle and iowait
---@field offline? boolean known to only one of the two readings

---@class gshell.proc.Usage
---@field all gshell.proc.CpuUsage
---@field [integer] gshell.proc.CpuUsage

---@class gshell.proc.Memory
---@field total integer
---@field free integer
---@field available integer
---@field used integer
---@field buffers? integer
---@field cached? integer
---@field shmem? integer
---@field slab? integer
---@field reclaimable? integer
---@field dirty? integer
---@field swap_total? integer
---@field swap_free? integer
---@field swap_used integer

---@class gshell.proc.Task
---@field pid integer
---@field comm string
---@field state string
---@field priority integer
---@field nice integer
---@field processor integer
---@field utime number
---@field stime number
---@field start number

---@class gshell.proc.Thread: gshell.proc.Task
---@field tid integer
---@field cpu? number percent of one CPU, in samples

---@class gshell.proc.Process: gshell.proc.Task
---@field ppid integer
---@field uid? integer
---@field cmdline string
---@field kernel boolean
---@field threads integer
---@field rss integer
---@field vsize integer
---@field children? gshell.proc.Process[] of proc.tree
---@field cpu? number percent of one CPU, in samples
---@field pss? integer in samples that ask for it
---@field tasks? gshell.proc.Thread[] in samples that ask for it

---CPU time since the machine started.
---@return gshell.proc.Cpus
function proc.cpus() end

---What CPUs did between two readings, in percent.
---@param before gshell.proc.Cpus
---@param now? gshell.proc.Cpus
---@return gshell.proc.Usage
function proc.usage(before, now) end

---Memory of the machine.
---@return gshell.proc.Memory
function proc.memory() end

---Load of the last 1, 5 and 15 minutes, runnable and existing threads.
---@return number one
---@return number five
---@return number fifteen
---@return integer running
---@return integer threads
function proc.loadavg() end

---Seconds since the machine started.
---@return number
function proc.uptime() end

---When the machine started, seconds since 1970.
---@return integer
function proc.boot_time() end

---Numbers of all processes.
---@return integer[]
function proc.pids() end

---A process, this one if absent; nil when there is none.
---@param pid? integer
---@return gshell.proc.Process?
function proc.info(pid) end

---Proportional memory of a process; nil when there is none.
---@param pid? integer
---@return integer?
function proc.pss(pid) end

---Threads of a process; nil when there is none.
---@param pid? integer
---@return gshell.proc.Thread[]?
function proc.threads(pid) end

---Numbers of the processes with one of these names.
---@param ... string
---@return integer[]
function proc.pidof(...) end

---Processes under their parents.
---@param what? integer|gshell.proc.Process[]
---@return gshell.proc.Process[]|gshell.proc.Process|nil
function proc.tree(what) end

---@class gshell.proc.SamplerOptions
---@field pids? integer[] all if absent
---@field threads? boolean
---@field pss? boolean|integer true for each 16th sample, or the number of samples

---Makes a sampler.
---@param options? gshell.proc.SamplerOptions
---@return gshell.proc.Sampler
function proc.sampler(options) end

---@class gshell.proc.Sampler
local sampler = {}

---What each process did since the last sample.
---@return gshell.proc.Process[]
function sampler:sample() end

return proc
