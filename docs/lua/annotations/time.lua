---@meta gshell.time

---Clocks, points in time as text, durations as text. Times are seconds.
---@class gshell.time
local time = {}

---Wall time, seconds since 1970.
---@return number seconds
function time.now() end

---Wall time, whole milliseconds since 1970.
---@return integer milliseconds
function time.ms() end

---Seconds since some moment before the script began; never goes back.
---@return number seconds
function time.monotonic() end

---Text of a wall time in UTC, such as 2026-01-02T15:04:05Z.
---@param t? number seconds since 1970; now if absent
---@param digits? integer digits of the second's fraction, 0 to 9
---@return string text
function time.rfc3339(t, digits) end

---Seconds of an RFC 3339 text; a float if it has a fraction.
---@param text string
---@return number seconds
function time.parse_rfc3339(text) end

---Lua's own os.date.
---@param format? string
---@param t? integer
---@return string|osdate
function time.date(format, t) end

---A number of seconds as people read it: "1h02m", "5.25s", "250ms".
---@param seconds number
---@return string text
function time.duration(seconds) end

---Seconds of a text such as "1h30m", "2.5s", "250ms" or "90".
---@param text string
---@return number seconds
function time.parse_duration(text) end

return time
