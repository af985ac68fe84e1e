-- What `require "compress"` gives: the compiled functions by format, with tables of options.
local raw = ...

local compress = {
  MEMORY_LIMIT = raw.MEMORY_LIMIT,
  DISK_LIMIT = raw.DISK_LIMIT,
  ENTRIES_LIMIT = raw.ENTRIES_LIMIT,
}

-- The options of a call, all of which are known.
local function check(options, known)
  if options == nil then return {} end
  if type(options) ~= "table" then error("options are a table, not a " .. type(options), 3) end
  for name in pairs(options) do
    if not known[name] then error("no option is called " .. tostring(name), 3) end
  end
  return options
end

local PACK = { level = true }
local UNPACK = { limit = true }
local LIST = { entries = true }
local EXTRACT = { limit = true, entries = true }
local TAR = { level = true, names = true, gzip = true }
local ZIP = { level = true, names = true }

for name, opposite in pairs { gzip = "gunzip", zlib = "unzlib", deflate = "inflate" } do
  compress[name] = function(bytes, options) return raw.pack(name, bytes, check(options, PACK).level) end
  compress[opposite] = function(bytes, options) return raw.unpack(name, bytes, check(options, UNPACK).limit) end
end

function compress.packer(format, options) return raw.packer(format, check(options, PACK).level) end
function compress.unpacker(format, options) return raw.unpacker(format, check(options, UNPACK).limit) end

for name, packing in pairs { tar = TAR, zip = ZIP } do
  local list, read = raw[name .. "_list"], raw[name .. "_read"]
  local extract, create = raw[name .. "_extract"], raw[name .. "_create"]
  compress[name] = {
    list = function(path, options) return list(path, check(options, LIST).entries) end,
    read = function(path, entry, options) return read(path, entry, check(options, UNPACK).limit) end,
    extract = function(path, folder, options) return extract(path, folder, check(options, EXTRACT)) end,
    create = function(path, folder, options) return create(path, folder, check(options, packing)) end,
  }
end

return compress
