//! Modules of Lua that are written in C: those of Debian, and some that tests compile.

use std::fs;
use std::path::Path;

use gshell_tests::{Node, binary};

use super::{compile_text, loads};

/// What a module needs of Lua, as `lua.h` of any Lua 5.4 has it.
const LUA: &str = "
#include <stddef.h>
typedef struct lua_State lua_State;
typedef int (*lua_CFunction)(lua_State *);
typedef long long lua_Integer;
extern lua_Integer luaL_checkinteger(lua_State *, int);
extern void lua_pushinteger(lua_State *, lua_Integer);
extern void lua_pushcclosure(lua_State *, lua_CFunction, int);
extern const char *lua_pushstring(lua_State *, const char *);
extern int luaL_error(lua_State *, const char *, ...);
extern void abort(void);
";

#[test]
fn those_of_debian_load_as_they_are() {
    let node = Node::start();
    if binary::target().is_some() || !loads(&node) {
        println!("skipped: Debian's modules are built for this machine");
        return;
    }
    let script = r#"
        local lpeg, cjson, lfs = require "lpeg", require "cjson", require "lfs"
        local number = lpeg.C(lpeg.R "09"^1) / tonumber
        local list = lpeg.Ct(number * (lpeg.P "," * number)^0)
        print(#list:match "1,22,333", require("re").match("hello world", "{%a+} ' ' {%a+}"))
        print(cjson.decode('{"a":[1,2,{"b":null}]}').a[2], cjson.encode { 1, 2, "x" })
        print(lfs.attributes("/", "mode"), type(lfs.currentdir()))
        local ok, e = pcall(cjson.decode, "{")
        print(ok, (e:gsub("character %d+", "...")))
        -- What a module raises, and what it allocates, stays within the script.
        local ok, e = pcall(function() local t = {} for i = 1, 1e7 do t[i] = lpeg.P(tostring(i)) end end)
        print(ok, tostring(e):find "--mem" ~= nil)
    "#;
    let out = node.run_attached(&["--mem", "8M"], script, b"");
    let want = "3\thello\tworld\n2.0\t[1,2,\"x\"]\ndirectory\tstring\nfalse\tExpected object key string but found T_END at ...\n\
                false\ttrue\n";
    assert_eq!(
        (out.stdout.as_str(), out.stderr.as_str()),
        (want, ""),
        "lua-lpeg, lua-cjson and lua-filesystem are needed: ci/test setup installs them"
    );
}

fn run(node: &Node, folder: &Path, script: &str) -> String {
    let script = format!(
        "package.cpath = {:?} .. '/?.so'\n{script}",
        folder.display().to_string()
    );
    let out = node.run_attached(&["-g", "g"], &script, b"");
    assert_eq!(out.stderr, "", "{out:#?}");
    out.stdout
}

#[test]
fn names_submodules_and_errors_are_those_of_any_lua() {
    let node = Node::start();
    if !loads(&node) {
        return;
    }
    let folder = node.work_dir().to_owned();
    compile_text(
        &folder,
        "parent",
        &format!(
            "{LUA}
            static int add(lua_State *l) {{
                lua_pushinteger(l, luaL_checkinteger(l, 1) + luaL_checkinteger(l, 2));
                return 1;
            }}
            int luaopen_parent(lua_State *l) {{ lua_pushcclosure(l, add, 0); return 1; }}
            int luaopen_parent_child(lua_State *l) {{ lua_pushstring(l, \"the child\"); return 1; }}"
        ),
    );
    compile_text(
        &folder,
        "v2-named",
        &format!("{LUA}\nint luaopen_named(lua_State *l) {{ lua_pushstring(l, \"named\"); return 1; }}"),
    );
    compile_text(
        &folder,
        "raises",
        &format!("{LUA}\nint luaopen_raises(lua_State *l) {{ return luaL_error(l, \"no luck\"); }}"),
    );
    compile_text(
        &folder,
        "needs",
        &format!(
            "{LUA}\nextern void nowhere(void);\nint luaopen_needs(lua_State *l) {{ nowhere(); return l != NULL; }}"
        ),
    );
    fs::write(folder.join("text.so"), "not a library").unwrap();
    let out = run(
        &node,
        &folder,
        r#"
        local add, where = require "parent"
        print(add(2, 3), where:match "[^/]*$", require "parent.child", (require "v2-named"))
        print(pcall(add, 1, "x"))
        for _, name in ipairs { "raises", "needs", "text", "parent.orphan" } do
          local ok, e = pcall(require, name)
          print(ok, (tostring(e):gsub("[^%s']*/", "")))
        end
        "#,
    );
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines[0], "5\tparent.so\tthe child\tnamed");
    assert_eq!(
        lines[1],
        "false\tbad argument #2 to 'parent' (number expected, got string)"
    );
    assert_eq!(lines[2], "false\tno luck");
    assert_eq!(
        lines[3],
        "false\terror loading module 'needs' from file 'needs.so':"
    );
    assert!(lines[4].contains("undefined symbol: nowhere"), "{out}");
    assert_eq!(
        lines[5],
        "false\terror loading module 'text' from file 'text.so':"
    );
    assert!(lines[6].contains("text.so"), "{out}");
    assert_eq!(lines[7], "false\tmodule 'parent.orphan' not found:");
    assert!(out.contains("no module 'parent.orphan' in file "), "{out}");
}

#[test]
fn one_that_crashes_is_named() {
    let node = Node::start();
    if !loads(&node) {
        return;
    }
    let folder = node.work_dir().to_owned();
    let made = compile_text(
        &folder,
        "crashes",
        &format!("{LUA}\nint luaopen_crashes(lua_State *l) {{ if (l) abort(); return 0; }}"),
    );
    let script = format!(
        "package.cpath = {:?}\nrequire 'crashes'\n",
        made.display().to_string()
    );
    node.run_attached(&["-g", "g"], &script, b"");
    let info = node.cmd(&["info", "--json"]);
    let info: serde_json::Value = serde_json::from_str(info.ok()).unwrap();
    let exit = info["groups"][0]["last_exit"].as_str().unwrap_or_default();
    assert!(exit.contains("crashes.so") && exit.contains("SIGABRT"), "{info}");
}
