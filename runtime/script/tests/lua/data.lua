-- gshell.json and gshell.time as scripts use them.
local json = require "gshell.json"
local time = require "gshell.time"

local value = json.decode('{"a": [1, 2.0, "x", null, true], "b": {}, "c": []}')
assert(math.type(value.a[1]) == "integer" and math.type(value.a[2]) == "float")
assert(value.a[4] == json.null and tostring(json.null) == "null")
assert(json.is_array(value.c) and not json.is_array(value.b) and json.is_array { 1 } and not json.is_array(1))
assert(json.encode(value, { sort = true }) == '{"a":[1,2.0,"x",null,true],"b":{},"c":[]}')
assert(json.encode(json.array()) == "[]" and json.encode {} == "{}")
assert(json.encode({ 1 }, { indent = 1 }) == "[\n 1\n]" and json.encode({ 1 }, { indent = true }) == "[\n  1\n]")
local ok, err = pcall(json.decode, "[1,\n 2,\n x]")
assert(not ok and err.code == "invalid_data" and err.message:find("line 3, column 2", 1, true), tostring(err))
ok, err = pcall(json.encode, { a = { 0 / 0 } })
assert(not ok and err.code == "invalid_data" and err.message:find("value.a[1]", 1, true), tostring(err))
ok, err = pcall(json.encode, 1, { indents = 2 })
assert(not ok and err.code == "invalid")
assert(not pcall(json.array, setmetatable({}, {})))

assert(math.abs(time.now() - os.time()) < 5 and math.type(time.ms()) == "integer")
local before = time.monotonic()
assert(time.monotonic() >= before)
assert(time.rfc3339(0) == "1970-01-01T00:00:00Z")
assert(time.rfc3339(1.5) == "1970-01-01T00:00:01.500Z" and time.rfc3339(1.5, 0) == "1970-01-01T00:00:01Z")
assert(#time.rfc3339() == 24 and time.parse_rfc3339("1970-01-01T01:00:00.5+01:00") == 0.5)
assert(math.type(time.parse_rfc3339("1970-01-01T00:00:00Z")) == "integer")
assert(time.date("!%Y", 0) == "1970")
assert(time.duration(3720) == "1h02m" and time.parse_duration("1h02m") == 3720)
for _, wrong in ipairs { "yesterday", "", "2026-02-30T00:00:00Z", "\xff" } do
  ok, err = pcall(time.parse_rfc3339, wrong)
  assert(not ok and err.code == "invalid_data")
end
ok, err = pcall(time.parse_duration, "5 apples")
assert(not ok and err.code == "invalid_data" and err.message:find("5 apples", 1, true))
assert(not pcall(time.rfc3339, 1e300) and not pcall(time.duration, 0 / 0))
