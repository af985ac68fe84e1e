-- What `require "echo"` gives: the compiled functions, and what is easier said in Lua.
local echo = ...

-- Any number of values, each mirrored.
function echo.all(...)
  local values = table.pack(...)
  for i = 1, values.n do values[i] = echo.mirror(values[i]) end
  return table.unpack(values, 1, values.n)
end

return echo
