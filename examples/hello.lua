-- Greets the world, or whoever is named: gshell run -i examples/hello.lua [NAME...]
-- With "-" as the name it asks for one on standard input.

local names = { ... }
if names[1] == "-" then
  io.write("Who are you? ")
  names = { io.read("l") }
end
print("Hello, " .. (names[1] and table.concat(names, " ") or "world") .. "!")
