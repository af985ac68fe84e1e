-- A plugin that another compiler made than the program, beside one in C, in one process:
-- make -C examples/plugins/c && make -C examples/plugins/rust-plain RUSTC=/usr/bin/rustc
-- gshell --plugin-dir examples/plugins run -i examples/plugins/lua/use_plain.lua

local plain, sum = require "plain", require "sum"

print("plain is built by", plain.COMPILER)
print("add", plain.add(2, 40), sum.add(2, 40))
print("shout", plain.shout(sum.reverse "desserts"))
print(pcall(plain.add, math.mininteger, -1))
