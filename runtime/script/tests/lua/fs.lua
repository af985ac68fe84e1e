-- gshell.fs: contents, entries, walking, patterns, watching, and what is refused.
local fs = require "gshell.fs"

local function fails(code, f, ...)
  local ok, err = pcall(f, ...)
  assert(not ok, "expected a failure")
  assert(err.code == code, ("expected %s, got %s: %s"):format(code, err.code, tostring(err)))
  return err.message
end

local root = fs.tmpdir("fs-test-")
assert(fs.stat(root).kind == "dir" and fs.stat(root).mode == tonumber("700", 8))
local function at(...) return fs.join(root, ...) end

-- Contents.
fs.write(at "a", "one\n")
fs.write(at "a", "two\n\nthree", { append = true })
assert(fs.read(at "a") == "one\ntwo\n\nthree")
local seen = {}
for line in fs.lines(at "a") do seen[#seen + 1] = line end
assert(table.concat(seen, "|") == "one|two||three")
fs.write(at "a", "")
assert(fs.read(at "a") == "")
for _ in fs.lines(at "a") do error("an empty file has no lines") end
local big = ("x"):rep(300000) .. "\n" .. ("y"):rep(200000)
fs.write(at "big", big, { mode = "600" })
assert(fs.read(at "big") == big and fs.stat(at "big").mode == tonumber("600", 8))
seen = {}
for line in fs.lines(at "big") do seen[#seen + 1] = #line end
assert(#seen == 2 and seen[1] == 300000 and seen[2] == 200000)
fails("limit", fs.read, at "big", { limit = 499999 })
assert(#fs.read(at "big", { limit = #big }) == #big)
fails("limit", function() for _ in fs.lines(at "big", { limit = 1000 }) do end end)
fails("limit", fs.read, "/dev/zero", { limit = 100000 })
assert(fs.read("/dev/null") == "")
fs.write("/dev/null", "gone")
assert(fs.read("/proc/self/stat"):find("^%d+ %("))
assert(fails("not_found", fs.read, at "none"):find("read " .. at "none", 1, true))
fails("is_a_directory", fs.read, root)
fails("invalid", fs.read, "")
fails("invalid", fs.read, at "a", { limits = 1 })
fails("invalid", fs.write, at "a", "x", { mode = "9" })
fails("invalid", fs.write, at "a", "x", { append = true, atomic = true })
assert(fs.copy(at "big", at "copy") == #big and fs.read(at "copy") == big)
assert(fs.stat(at "copy").mode == tonumber("600", 8))
fails("invalid_input", fs.copy, "/dev/zero", at "copy")

-- Atomic replacement keeps the mode and leaves nothing beside the file.
fs.write(at "big", "small", { atomic = true })
assert(fs.read(at "big") == "small" and fs.stat(at "big").mode == tonumber("600", 8))
fs.write(at "fresh", "1", { atomic = true, mode = 420 })
assert(fs.stat(at "fresh").mode == 420)
assert(table.concat(fs.list(root), " ") == "a big copy fresh")
fails("not_found", fs.write, at("none", "x"), "1", { atomic = true })

-- Entries.
fs.mkdir(at("d", "e", "f"), { parents = true })
fails("not_found", fs.mkdir, at("q", "r"))
fails("already_exists", fs.mkdir, at "d")
fs.write(at("d", "e", "1.lua"), "")
fs.write(at("d", ".hidden.lua"), "")
fs.rename(at "fresh", at("d", "2.lua"))
assert(not fs.exists(at "fresh") and fs.exists(at("d", "2.lua")))
local found = {}
for path, kind, depth in fs.walk(at "d") do
  found[#found + 1] = path:sub(#root + 2) .. ":" .. kind .. ":" .. depth
end
assert(table.concat(found, " ") ==
  "d/.hidden.lua:file:1 d/2.lua:file:1 d/e:dir:1 d/e/1.lua:file:2 d/e/f:dir:2", table.concat(found, " "))
local count = 0
for _ in fs.walk(root, { depth = 1 }) do count = count + 1 end
assert(count == #fs.list(root))
fails("not_found", fs.walk, at "none")
local function names(pattern)
  local list = fs.glob(at(pattern))
  for i, path in ipairs(list) do list[i] = path:sub(#root + 2) end
  return table.concat(list, " ")
end
assert(names("d/*.lua") == "d/2.lua")
assert(names("d/.*.lua") == "d/.hidden.lua")
assert(names("*/*/[0-9].lua") == "d/e/1.lua")
assert(names("none/*") == "" and names("d/e") == "d/e")
fails("directory_not_empty", fs.remove, at "d")
assert(fs.remove(at("d", "e", "f")) == true)
assert(fs.remove(at("d", "none"), { missing = true }) == false)
fails("not_found", fs.remove, at("d", "none"))
fs.remove(at "d", { recursive = true })
assert(not fs.exists(at "d"))
for _, all in ipairs { "/", "//", ".", "..", "/tmp/.." } do
  fails("invalid", fs.remove, all, { recursive = true })
end

-- Names.
assert(fs.join("a", "b", "c") == "a/b/c" and fs.join("a", "/b") == "/b")
assert(fs.dirname("/a/b") == "/a" and fs.basename("/a/b/") == "b")

-- Watching.
do
  local watch <close> = fs.watch(root)
  assert(watch:next(0) == nil)
  fs.write(at "w", "1")
  local kinds = {}
  for event in watch:events() do
    assert(event.path == at "w" and event.dir == false)
    kinds[#kinds + 1] = event.kind
    if event.kind == "write" then break end
  end
  assert(kinds[1] == "create" and kinds[#kinds] == "write")
  fs.remove(at "w")
  assert(watch:next(5).kind == "delete")
end
fails("not_found", fs.watch, at "none")
local watch = fs.watch(root)
watch:close()
assert(watch:next() == nil)
