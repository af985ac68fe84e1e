/* The baseline: functions as any C module of Lua has them. */
#include <stddef.h>

typedef struct lua_State lua_State;
typedef int (*lua_CFunction)(lua_State *);
extern long long luaL_checkinteger(lua_State *, int);
extern const char *luaL_checklstring(lua_State *, int, size_t *);
extern void lua_pushinteger(lua_State *, long long);
extern void lua_pushcclosure(lua_State *, lua_CFunction, int);
extern void lua_createtable(lua_State *, int, int);
extern void lua_setfield(lua_State *, int, const char *);

static int add(lua_State *l) {
    lua_pushinteger(l, luaL_checkinteger(l, 1) + luaL_checkinteger(l, 2));
    return 1;
}

static int length(lua_State *l) {
    size_t len;
    luaL_checklstring(l, 1, &len);
    lua_pushinteger(l, (long long)len);
    return 1;
}

int luaopen_plain(lua_State *l) {
    lua_createtable(l, 0, 2);
    lua_pushcclosure(l, add, 0);
    lua_setfield(l, -2, "add");
    lua_pushcclosure(l, length, 0);
    lua_setfield(l, -2, "length");
    return 1;
}
