-- The messages of the fleet test, as tests/fleet/peer/messages.rs has them.

local gshell = require "gshell"

local function declare(name, shape) return gshell.message("fleet." .. name, shape) end

local All = declare("All", [[{
  n: u64, flag: bool, i8: i8, i16: i16, i32: i32, i64: i64, u8: u8, u16: u16, u32: u32, u64: u64, f32: f32, f64: f64,
  text: string, bytes: bytes, list: [i64], map: map<string, u64>, ids: map<u32, string>, option: f64?,
  pair: (u8, string), choice: Off | On(i32) | At { x: i64, y: f32 }, inner: [{ name: string, value: i32? }]
}]])

return {
  All = All,
  Item = declare("Item", { body = All }),
  Big = declare("Big", "{ n: u64, bytes: bytes, text: string }"),
  Exchange = declare("Exchange", "{ from: u64, count: u32 }"),
  Total = declare("Total", "{ right: u32, wrong: u32 }"),
  Watch = declare("Watch", "{ who: string }"),
  Watching = declare("Watching", "{}"),
  Poke = declare("Poke", "{ who: string, n: u64 }"),
  Poked = declare("Poked", "{ watchers: u32 }"),
  Seen = declare("Seen", "{ n: u64 }"),
  Fail = declare("Fail", "{ code: string, message: string }"),
  Relay = declare("Relay", "{ branches: [[string]] }"),
  Relayed = declare("Relayed", "{ by: [string] }"),
}
