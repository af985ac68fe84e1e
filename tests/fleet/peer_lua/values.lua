-- What the message of a number holds: the same as in tests/fleet/peer/values.rs.

local values = {}

local PIECES = { "grüß", "漢字", "🦀", "a\0b", "\"\\\n", "x" }
local BIG_WORDS, BIG_TEXTS = 12000, 3000

-- Scatters the bits of a number (the finaliser of SplitMix64).
local function mix(n)
  n = n + 0x9e3779b97f4a7c15
  n = (n ~ n >> 30) * 0xbf58476d1ce4e5b9
  n = (n ~ n >> 27) * 0x94d049bb133111eb
  return n ~ n >> 31
end

-- The remainder of a number without a sign.
local function remainder(n, divisor)
  if n >= 0 then return n % divisor end
  return ((n >> 1) % divisor * 2 + (n & 1)) % divisor
end

-- The number for place `at` of message `n`; of every eight messages three are the ends of the ranges.
local function draw(n, at)
  local kind = n & 7
  if kind == 0 then return -1 end
  if kind == 1 then return 0x8000000080008080 end
  if kind == 2 then return 0 end
  return mix(n * 64 + at)
end

local function pick(n, at, count) return remainder(mix(n * 64 + at), count) end

local function piece(n, at) return PIECES[pick(n, at, 6) + 1] end

local function signed(n, bits)
  local half = 1 << bits - 1
  return (n & (half << 1) - 1 ~ half) - half
end

-- A u64 is an integer, or above 2^63 - 1 the text of its digits.
function values.unsigned(n)
  if n >= 0 then return n end
  local tens = (n >> 1) // 5
  return ("%d%d"):format(tens, n - tens * 10)
end

-- The bits of a u64.
function values.bits(n)
  if math.type(n) == "integer" then return n end
  return tonumber(n:sub(1, -2)) * 10 + tonumber(n:sub(-1))
end

local function f32(bits) return ((bits & 0xffffff) - 0x800000) * 2.0 ^ ((bits >> 32 & 63) - 32) end

local function f64(n)
  local kind = n & 7
  if kind == 0 then return math.huge end
  if kind == 1 then return -0.0 end
  if kind == 2 then return 0.0 / 0.0 end
  if kind == 3 then return (string.unpack(">d", string.pack(">i8", 1))) end
  local bits = draw(n, 11)
  local exponent = (bits >> 52 & 0x3ff) + 0x200
  return (string.unpack(">d", string.pack(">i8", bits & 0x800fffffffffffff | exponent << 52)))
end

local function words(n, at, count)
  local all = {}
  for i = 1, count do all[i] = string.pack(">i8", mix(n * 64 + at + i - 1)) end
  return table.concat(all)
end

local function list(count, entry)
  local all = {}
  for i = 0, count - 1 do all[i + 1] = entry(i) end
  return all
end

-- Message `n`, the bits of a u64.
function values.all(n)
  local option, kind = pick(n, 45, 9), remainder(n, 3)
  local map, ids = {}, {}
  for i = 0, pick(n, 36, 4) - 1 do map["k" .. i] = values.unsigned(draw(n, 37 + i)) end
  for i = 0, pick(n, 40, 4) - 1 do ids[i * 1000003] = piece(n, 41 + i) end
  local text = table.concat(list(pick(n, 12, 5), function(i) return piece(n, 13 + i) end))
  return {
    n = values.unsigned(n),
    flag = draw(n, 1) & 1 == 1,
    i8 = signed(draw(n, 2), 8),
    i16 = signed(draw(n, 3), 16),
    i32 = signed(draw(n, 4), 32),
    i64 = draw(n, 5),
    u8 = draw(n, 6) & 0xff,
    u16 = draw(n, 7) & 0xffff,
    u32 = draw(n, 8) & 0xffffffff,
    u64 = values.unsigned(draw(n, 9)),
    f32 = f32(draw(n, 10)),
    f64 = f64(n),
    text = text .. values.unsigned(n),
    bytes = words(n, 20, 6):sub(1, pick(n, 19, 48)),
    list = list(pick(n, 30, 5), function(i) return draw(n, 31 + i) end),
    map = map,
    ids = ids,
    option = option > 3 and option * 0.5 or nil,
    pair = { draw(n, 46) & 0xff, piece(n, 47) },
    choice = kind == 0 and "Off" or kind == 1 and { On = signed(draw(n, 48), 32) }
      or { At = { x = draw(n, 49), y = f32(draw(n, 50)) } },
    inner = list(pick(n, 51, 4), function(i)
      return { name = piece(n, 52 + i), value = i ~= 1 and signed(draw(n, 56 + i), 32) or nil }
    end),
  }
end

-- Big message `n`.
function values.big(n)
  n = values.bits(n)
  return {
    n = values.unsigned(n),
    bytes = words(n, 0, BIG_WORDS),
    text = (PIECES[1] .. values.unsigned(n)):rep(BIG_TEXTS),
  }
end

-- Where `got` is another than `want`, nil if nowhere. The zeros differ; what is not a number has no value to compare.
function values.difference(got, want, path)
  path = path or "it"
  if math.type(got) ~= math.type(want) or type(got) ~= type(want) then return path end
  if type(want) == "table" then
    for key in pairs(got) do
      if want[key] == nil then return path .. "." .. tostring(key) end
    end
    for key, value in pairs(want) do
      local found = values.difference(got[key], value, path .. "." .. tostring(key))
      if found then return found end
    end
  elseif math.type(want) == "float" then
    if got ~= want and (got == got or want == want) or want == 0 and 1 / got ~= 1 / want then return path end
  elseif got ~= want then
    return path
  end
end

return values
