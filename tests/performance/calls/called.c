/* The same functions in a plugin. */
#include "gshell_plugin.h"

static int32_t add(gsp_call *call) {
    int64_t a, b;
    if (!call->host->get_integer(call, 1, &a) || !call->host->get_integer(call, 2, &b)) return GSP_FAILED;
    return call->host->put_integer(call, a + b) ? GSP_OK : GSP_FAILED;
}

static int32_t length(gsp_call *call) {
    gsp_bytes bytes;
    if (!call->host->get_bytes(call, 1, &bytes)) return GSP_FAILED;
    return call->host->put_integer(call, bytes.len) ? GSP_OK : GSP_FAILED;
}

static const gsp_function functions[] = {
    { GSP_TEXT("add"), GSP_TEXT("a: integer, b: integer -> integer"), GSP_TEXT(""), add, 0, 0 },
    { GSP_TEXT("length"), GSP_TEXT("bytes: string -> integer"), GSP_TEXT(""), length, 0, 0 },
};

GSP_PLUGIN(called, "1.0.0", "Is called by a benchmark.", .functions = functions, .function_count = 2);
