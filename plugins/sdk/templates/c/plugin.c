/* @NAME@: a plugin for gshell. gshell_plugin.h says what a plugin can do; README.md says how to build and run it. */
#include "gshell_plugin.h"

#include <string.h>

/* add(a, b): the sum. */
static int32_t add(gsp_call *call) {
    int64_t a, b;
    if (!call->host->get_integer(call, 1, &a) || !call->host->get_integer(call, 2, &b)) return GSP_FAILED;
    return call->host->put_integer(call, a + b) ? GSP_OK : GSP_FAILED;
}

/* greet(name): a text, which is written straight into memory that the host lends. */
static int32_t greet(gsp_call *call) {
    static const char hello[] = "hello, ";
    const uint32_t begin = sizeof(hello) - 1;
    gsp_bytes name;
    if (!call->host->get_bytes(call, 1, &name)) return GSP_FAILED;
    if (name.len == 0) return call->host->misfit(call, 1, (gsp_bytes)GSP_TEXT("a name"));
    if (name.len > 1000) return call->host->fail(call, GSP_LIMIT, (gsp_bytes)GSP_TEXT("names have 1000 bytes at most"));
    uint8_t *out = call->host->buffer(call, begin + name.len);
    if (!out) return GSP_FAILED;
    memcpy(out, hello, begin);
    memcpy(out + begin, name.ptr, name.len);
    return call->host->put_buffer(call, begin + name.len) ? GSP_OK : GSP_FAILED;
}

static const gsp_function functions[] = {
    { GSP_TEXT("add"), GSP_TEXT("a: integer, b: integer -> integer"), GSP_TEXT("The sum of two integers."), add, 0, 0 },
    { GSP_TEXT("greet"), GSP_TEXT("name: string -> string"), GSP_TEXT("Says hello to somebody."), greet, 0, 0 },
};

static const gsp_constant constants[] = {
    { .name = GSP_TEXT("ANSWER"), .kind = GSP_INTEGER, .integer = 42 },
};

GSP_PLUGIN_NAMED(@WORD@, "@NAME@", "0.1.0", "Adds and greets.",
    .functions = functions, .function_count = sizeof(functions) / sizeof(functions[0]),
    .constants = constants, .constant_count = sizeof(constants) / sizeof(constants[0]));
