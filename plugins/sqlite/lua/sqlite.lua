-- What `require "sqlite"` gives: databases and prepared statements as objects.
local raw = ...

local sqlite = { ROWS_LIMIT = raw.ROWS_LIMIT, BYTES_LIMIT = raw.BYTES_LIMIT }

-- Rows that are fetched at a time.
local BATCH = 64
local OPEN = { readonly = true, create = true, timeout = true }
local QUERY = { limit = true }
local MODES = { deferred = "DEFERRED", immediate = "IMMEDIATE", exclusive = "EXCLUSIVE" }

local function check(options, known)
  for name in pairs(options or {}) do
    if not known[name] then error("no option is called " .. tostring(name), 3) end
  end
  return options or {}
end

-- What has rows: `db` is the connection's number, `what` is SQL or the number of a prepared statement.
local function query(db, what, parameters, options) return raw.query(db, what, parameters, check(options, QUERY).limit) end

local function first(db, what, parameters)
  local cursor <close> = raw.rows(db, what, parameters)
  return cursor:next(1)[1]
end

local function rows(db, what, parameters)
  local cursor = raw.rows(db, what, parameters)
  local batch, at = {}, 0
  local function next_row()
    at = at + 1
    if batch and at > #batch then
      batch, at = cursor:next(BATCH), 1
      if #batch == 0 then batch = nil end
    end
    return batch and batch[at]
  end
  return next_row, nil, nil, cursor
end

local Statement = { __name = "sqlite.Statement", __metatable = "sqlite.Statement" }
Statement.__index = Statement

function Statement:exec(parameters) return raw.exec(self.db, self.number, parameters) end
function Statement:query(parameters, options) return query(self.db, self.number, parameters, options) end
function Statement:row(parameters) return first(self.db, self.number, parameters) end
function Statement:rows(parameters) return rows(self.db, self.number, parameters) end
function Statement:close() self.prepared:close() end
Statement.__close = Statement.close

local Database = { __name = "sqlite.Database", __metatable = "sqlite.Database" }
Database.__index = Database

function Database:exec(sql, parameters) return raw.exec(self.number, sql, parameters) end
function Database:query(sql, parameters, options) return query(self.number, sql, parameters, options) end
function Database:row(sql, parameters) return first(self.number, sql, parameters) end
function Database:rows(sql, parameters) return rows(self.number, sql, parameters) end
function Database:close() return raw.close(self.number) end
function Database:__close() raw.close(self.number) end
function Database:__tostring() return "sqlite " .. self.path end

function Database:prepare(sql)
  local prepared = raw.prepare(self.number, sql)
  -- The database is kept as long as the statement is.
  return setmetatable({ owner = self, db = self.number, prepared = prepared, number = prepared:number() }, Statement)
end

function Database:transaction(work, mode)
  local begin = MODES[mode or "immediate"] or error("no kind of transaction is called " .. tostring(mode), 2)
  self:exec("BEGIN " .. begin)
  local results = table.pack(pcall(work, self))
  if results[1] then
    local ok, problem = pcall(self.exec, self, "COMMIT")
    if ok then return table.unpack(results, 2, results.n) end
    results[2] = problem
  end
  -- SQLite may have done it by itself, as on a full disk.
  pcall(self.exec, self, "ROLLBACK")
  error(results[2], 0)
end

function sqlite.open(path, options)
  local connection = raw.open(path, check(options, OPEN))
  return setmetatable({ path = path, connection = connection, number = connection:number() }, Database)
end

function sqlite.blob(bytes)
  if type(bytes) ~= "string" then error("a blob is made of a string, not of a " .. type(bytes), 2) end
  return { blob = bytes }
end

return sqlite
