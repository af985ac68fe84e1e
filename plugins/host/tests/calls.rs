//! Functions of a plugin, called by Lua directly and away from it: both have to see and give the same.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{run, state};

#[test]
fn scalars_come_and_go() {
    run(
        &state(),
        r#"
        assert(both("add", 2, 3) == 5)
        assert(both("add", 2.0, 3) == 5 and math.type(both("add", 2.0, 3)) == "integer")
        assert(both("add", math.maxinteger, 1) == math.mininteger)
        assert(both("half", 3) == 1.5 and both("half", 0.5) == 0.25)
        assert(both("not", true) == false and both("not", false) == true)
        assert(both("len", "a\0b") == 3 and both("len", "") == 0)
        assert(try.LIMIT == 1 << 40 and try.GREETING == "hello")
        local kinds = { both("kinds", nil, true, 1, 1.5, "x", {}, try.counter(1), print) }
        assert(table.concat(kinds, " ") == "1 2 3 4 5 6 7 8 0")
        assert(select('#', both("many", 0)) == 0 and select('#', both("many", 1000)) == 1000)
        assert(select(1000, both("many", 1000)) == 1000)
        "#,
    );
}

#[test]
fn strings_are_not_copied_on_their_way_in() {
    run(
        &state(),
        r#"
        local text = ("x"):rep(1024)
        local address = try.address(text)
        assert(address == try.address(text), "the same bytes each time")
        "#,
    );
}

#[test]
fn errors_name_function_position_expected_and_given() {
    run(
        &state(),
        r#"
        local function is(text, name, ...)
          local message, code = fails(name, ...)
          assert(message == text, message)
          assert(code == 6)
        end
        is("bad argument #2 to 'try.add' (integer expected, got string)", "add", 1, "2")
        is("bad argument #2 to 'try.add' (integer expected, got no value)", "add", 1)
        is("bad argument #1 to 'try.add' (integer expected, got number 1.5)", "add", 1.5, 2)
        is("bad argument #1 to 'try.add' (integer expected, got nil)", "add", nil, 2)
        is("bad argument #1 to 'try.add' (integer expected, got Counter)", "add", try.counter(1), 2)
        is("bad argument #1 to 'try.len' (string expected, got integer 5)", "len", 5)
        is("bad argument #1 to 'try.not' (boolean expected, got table)", "not", {})
        is("bad argument #1 to 'try.half' (number expected, got function)", "half", print)
        is("bad argument #1 to 'try.sum' (table expected, got no value)", "sum")
        is("bad argument #1 to 'try.sum' (at [2]: integer expected, got string)", "sum", { 1, "x" })
        is("bad argument #1 to 'try.deep' (at .inner.list[2]: integer expected, got nil)", "deep", { inner = { list = { 1 } } })
        is("bad argument #1 to 'try.deep' (at .inner: table expected, got nil)", "deep", {})
        is("bad argument #1 to 'try.key' (at (a key): integer expected, got string)", "key", { x = 1 })
        is("bad argument #1 to 'try.positive' (a positive integer expected, got integer -3)", "positive", -3)
        is("bad argument #1 to 'try.step' (Counter expected, got nil)", "step", nil)
        is("bad argument #1 to 'try.careless' (integer expected, got string)", "careless", "x")
        "#,
    );
}

#[test]
fn a_plugin_says_why_it_failed() {
    run(
        &state(),
        r#"
        local message, code = fails("fail", 9, "try later")
        assert(message == "try later" and code == 9)
        message, code = fails("fail", 0, "")
        assert(message == "" and code == 1, "a code of 0 is none")
        message, code = fails("silent")
        assert(message == "'try.silent' failed and did not say why" and code == 1)
        "#,
    );
}

#[test]
fn tables_are_read_by_parts() {
    run(
        &state(),
        r#"
        assert(both("sum", {}) == 0 and both("sum", { 1, 2, 3 }) == 6)
        assert(both("deep", { inner = { list = { 1, 42 } } }) == 42)
        local pairs, sum = both("walk", { 1, 2, x = 3, [1.5] = 4, [true] = { 5, y = { 6 } }, { z = "no" } })
        assert(pairs == 10 and sum == 21, pairs .. " " .. sum)
        assert(both("walk", {}) == 0)
        local large, backwards = {}, {}
        for i = 1, 1000 do large[i], backwards[1001 - i] = i, 1001 - i end
        assert(both("sum", large) == 500500 and both("sum", backwards) == 500500)
        assert(both("behind", { 10 }) == 0, "a part is never taken for an argument that is missing")
        assert(both("behind", { 10 }, true) == 2)
        local results = { both("mixed", { 10, 20, 30 }) }
        assert(table.concat(results, " ") == "1 10 2 20 3 30 -1")
        -- Raw: no metamethod runs.
        local strange = setmetatable({}, { __index = function() error "no" end, __len = function() return 9 end })
        assert(both("sum", strange) == 0)
        local message = fails("lost", { 1, 2 })
        assert(message == "'try.lost' is wrong: it walks through a table with a number that is no key", message)
        "#,
    );
}

#[test]
fn tables_are_made() {
    run(
        &state(),
        r#"
        local t, seven = both("shapes")
        assert(t.name == "x" and t[1.5][1] == 1 and t[1.5][2] == 2 and #t[1.5] == 2 and t[true] == false and seven == 7)
        local list = both("list", 100, 20)
        assert(#list == 100 and #list[100] == 20 and tonumber(list[100]) == 99)
        assert(both("filled", 10) == "aaaaabbbbb" and both("filled", 0) == "" and #both("filled", 1000000) == 1000000)
        local function is(text, name)
          local message, code = fails(name)
          assert(message == "'try." .. name .. "' is wrong: " .. text and code == 1, message)
        end
        is("end_item without a table that was put before", "bare_item")
        is("item 2 of its result is nil, which a list cannot have", "nil_item")
        is("a key of its result is nil or not a number", "nan_key")
        is("it gives more of its buffer than there is", "too_much_buffer")
        "#,
    );
}

#[test]
fn what_blocks_gets_copies_within_bounds() {
    run(
        &state(),
        r#"
        local t = {}
        t.t = t
        local ok, e = pcall(try.b_walk, t)
        assert(not ok and e.code == 8)
        assert(e.message == "'try.b_walk' runs elsewhere, with copied arguments: tables in them are nested deeper than 32")
        local text = ("x"):rep(8 << 20)
        ok, e = pcall(try.b_kinds, text, text, text, text, text, text, text, text)
        assert(not ok and e.code == 8)
        assert(e.message == "'try.b_kinds' runs elsewhere, with copied arguments: they take more than 64 MiB")
        "#,
    );
}

#[test]
fn errors_within_calls_within_finalizers_stay_apart() {
    run(
        &state(),
        r#"
        -- A finalizer calls functions while others have parts of tables open and allocate.
        local finalized = 0
        local function litter()
          setmetatable({}, { __gc = function()
            finalized = finalized + 1
            assert(try.deep { inner = { list = { 1, 2 } } } == 2)
            assert(not pcall(try.sum, { "x" }))
            litter()
          end })
        end
        collectgarbage("generational")
        for i = 1, 10 do litter() end
        for i = 1, 200 do
          local t = {}
          for j = 1, 50 do t[j] = { ["k" .. i .. "_" .. j] = j } end
          local pairs, sum = try.walk(t)
          assert(pairs == 100 and sum == 1275)
          assert(#try.list(50, 30) == 50)
          assert(not pcall(try.deep, { inner = { list = { "a", "b" .. i } } }))
        end
        assert(finalized > 0)
        "#,
    );
}

#[test]
fn calls_work_in_coroutines() {
    run(
        &state(),
        r#"
        local function body(n)
          local sum = 0
          for i = 1, n do
            sum = try.add(sum, i)
            coroutine.yield(try.sum { i, i })
          end
          local ok, e = pcall(try.add, "x")
          return sum, e.message
        end
        local threads = {}
        for i = 1, 20 do threads[i] = coroutine.create(body) end
        for round = 1, 10 do
          for _, t in ipairs(threads) do
            local ok, value = coroutine.resume(t, 10)
            assert(ok and value == 2 * round)
          end
        end
        for _, t in ipairs(threads) do
          local ok, sum, message = coroutine.resume(t)
          assert(ok and sum == 55 and message:find "bad argument #1")
        end
        local ok, e = coroutine.resume(coroutine.create(try.add), 1, {})
        assert(not ok and e.message:find "got table")
        "#,
    );
}
