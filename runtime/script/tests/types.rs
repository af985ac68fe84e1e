//! Message types that a script declares wrong: an error that names the message, the place and what is wrong.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{finish, script};
use gshell_script::Outcome;
use gshell_service::rt;

/// Declarations, and what their error says.
const WRONG: &str = r#"
local gshell = require "gshell"
local deep = "i32"
for _ = 1, 70 do deep = { deep } end
local wrong = {
  { { a = "strng" }, 'a: there is no type "strng"' },
  { "{ a: i32", "the type ends where" },
  { "\xff", "a type is text" },
  { 7, "not a" },
  { { a = 7 }, "a: a type is a text, a table, a message or one of gshell.types, not a" },
  { io.stdout, "a type is a text, a table, a message or one of gshell.types" },
  { { "i32", a = "i32" }, "either names or entries" },
  { { { "a", "i32" }, "i32" }, "entry 2 is no field" },
  { { { "a", "i32" }, { "a", "i8" } }, "a: there are two fields of this name" },
  { { [true] = "i32" }, "the name of a field is text, not a boolean" },
  { { [""] = "i32" }, "the name of a field, variant or type is empty or has control characters" },
  { { { "a", "i32" }, { "a\27[2J", "i32" } }, "the name of a field, variant or type is empty or has control characters" },
  { { list = { "()" } }, "the entries of a list or map take no bytes" },
  { { a = deep }, "a: the type is nested too deep" },
  { gshell.types.enum { "On", "" }, "the name of a field, variant or type is empty or has control characters" },
}
for i, case in ipairs(wrong) do
  local ok, fault = pcall(gshell.message, "my.Type", case[1])
  assert(not ok, i)
  local text = tostring(fault.message)
  assert(text:find("my.Type", 1, true) and text:find(case[2], 1, true), i .. ": " .. text)
end

for i, case in ipairs {
  { function() gshell.types.enum { 7 } end, "entry 1 is neither a name" },
  { function() gshell.types.enum { "On", "On" } end, "On: there are two variants of this name" },
  { function() gshell.types.enum { { "On", "strng" } } end, "On: there is no type" },
  { function() gshell.types.list("strng") end, "list: there is no type" },
  { function() gshell.message("", "i32") end, "a name is text without spaces" },
  { function() gshell.message("a b", "i32") end, "a name is text without spaces" },
  { function() gshell.message("a\27[2J", "i32") end, "a name is text without spaces" },
  { function() gshell.message(("x"):rep(201), "i32") end, "at most 200 bytes" },
  { function() gshell.message("a", "i32", { priority = "urgent" }) end, "high, normal or low, not urgent" },
} do
  local ok, fault = pcall(case[1])
  assert(not ok, i)
  assert(tostring(fault.message):find(case[2], 1, true), i .. ": " .. tostring(fault.message))
end
print(#wrong)
"#;

#[test]
fn what_is_wrong_with_a_type_is_said() {
    rt::block_on(async {
        let (outcome, out, err) = finish(script(WRONG)).await;
        assert_eq!((outcome, out.as_str(), err.as_str()), (Outcome::Ok, "15\n", ""));
    });
}
