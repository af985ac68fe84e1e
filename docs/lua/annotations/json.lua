---@meta gshell.json

---JSON text to Lua values and back.
---@class gshell.json
---@field null lightuserdata stands for null; not nil, so a table keeps it
local json = {}

---@class gshell.json.EncodeOptions
---@field indent? boolean|integer true for two blanks a level, or their number, 0 to 16
---@field sort? boolean keys of objects in the order of their bytes
---@field limit? integer bytes of text at which it fails; 4 MiB if absent

---The value of a JSON text. Errors say line and column.
---@param text string
---@return any value
function json.decode(text) end

---The text of a value.
---@param value any
---@param options? gshell.json.EncodeOptions
---@return string text
function json.encode(value, options) end

---Marks a table, a new one if absent, as an array.
---@generic T: table
---@param table? T
---@return T table
function json.array(table) end

---Whether encode writes the value as an array.
---@param value any
---@return boolean
function json.is_array(value) end

return json
