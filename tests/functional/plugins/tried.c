/* A plugin that tests call: functions of each kind, objects, a service of each kind, a Lua face and an app. */
#include "gshell_plugin.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HOST (call->host)
#define TRY(done) do { if (!(done)) return GSP_FAILED; } while (0)

static gsp_bytes text(const char *of) { gsp_bytes bytes = { (const uint8_t *)of, (uint32_t)strlen(of) }; return bytes; }

static int32_t add(gsp_call *call) {
    int64_t a, b;
    TRY(HOST->get_integer(call, 1, &a) && HOST->get_integer(call, 2, &b));
    return HOST->put_integer(call, a + b) ? GSP_OK : GSP_FAILED;
}

/* A list of so many strings of so many bytes. */
static int32_t list(gsp_call *call) {
    int64_t count, len;
    TRY(HOST->get_integer(call, 1, &count) && HOST->get_integer(call, 2, &len));
    gsp_bytes item = { HOST->buffer(call, (uint32_t)len), (uint32_t)len };
    TRY(item.ptr && HOST->put_table(call, (uint32_t)count, 0));
    for (int64_t i = 0; i < count; i++) TRY(HOST->put_bytes(call, item) && HOST->end_item(call));
    return GSP_OK;
}

static int32_t fails(gsp_call *call) { return HOST->fail(call, GSP_BUSY, text("not now")); }

static int exists(const char *path) { FILE *file = fopen(path, "r"); if (file) fclose(file); return file != NULL; }

/* Says in the file of its first argument that it runs, then waits for that of its second: "found", or for nobody any more:
 * then it makes that of its third. */
static int32_t awaits(gsp_call *call) {
    char paths[3][512];
    for (uint32_t i = 0; i < 3; i++) {
        gsp_bytes path;
        TRY(HOST->get_bytes(call, i + 1, &path));
        snprintf(paths[i], sizeof paths[i], "%.*s", (int)path.len, (const char *)path.ptr);
    }
    fclose(fopen(paths[0], "w"));
    for (;;) {
        struct timespec pause = { 0, 2000000 };
        if (exists(paths[1])) return HOST->put_bytes(call, text("found")) ? GSP_OK : GSP_FAILED;
        if (HOST->cancelled(call)) {
            fclose(fopen(paths[2], "w"));
            return HOST->fail(call, GSP_CANCELLED, text("nobody waits"));
        }
        nanosleep(&pause, NULL);
    }
}

/* { given = its argument's field "name", list = { 1, 2 } }, from wherever it runs. */
static int32_t facts(gsp_call *call) {
    uint32_t part;
    gsp_bytes name;
    TRY(HOST->open_field(call, 1, text("name"), &part) && HOST->get_bytes(call, part, &name) && HOST->put_table(call, 0, 2));
    TRY(HOST->put_bytes(call, name) && HOST->end_field(call, text("given")) && HOST->put_table(call, 2, 0));
    TRY(HOST->put_integer(call, 1) && HOST->end_item(call) && HOST->put_integer(call, 2) && HOST->end_item(call));
    return HOST->end_field(call, text("list")) ? GSP_OK : GSP_FAILED;
}

static void drop(void *data) { free(data); }
static const gsp_class box;

static int32_t make_box(gsp_call *call) {
    int64_t *data = malloc(sizeof *data);
    *data = 0;
    return HOST->put_object(call, &box, data) ? GSP_OK : GSP_FAILED;
}

static int32_t box_add(gsp_call *call) {
    void *data;
    int64_t by;
    TRY(HOST->get_object(call, 1, &box, &data) && HOST->get_integer(call, 2, &by));
    *(int64_t *)data += by;
    return HOST->put_integer(call, *(int64_t *)data) ? GSP_OK : GSP_FAILED;
}

/* Like `awaits`, with the object first. */
static int32_t box_hold(gsp_call *call) {
    void *data;
    gsp_bytes begun, path;
    char paths[2][512];
    TRY(HOST->get_object(call, 1, &box, &data) && HOST->get_bytes(call, 2, &begun) && HOST->get_bytes(call, 3, &path));
    snprintf(paths[0], sizeof paths[0], "%.*s", (int)begun.len, (const char *)begun.ptr);
    snprintf(paths[1], sizeof paths[1], "%.*s", (int)path.len, (const char *)path.ptr);
    fclose(fopen(paths[0], "w"));
    struct timespec pause = { 0, 2000000 };
    while (!exists(paths[1])) nanosleep(&pause, NULL);
    return HOST->put_integer(call, ++*(int64_t *)data) ? GSP_OK : GSP_FAILED;
}

static const gsp_function functions[] = {
    { GSP_TEXT("add"), GSP_TEXT(""), GSP_TEXT(""), add, 0, 0 },
    { GSP_TEXT("list"), GSP_TEXT(""), GSP_TEXT(""), list, 0, 0 },
    { GSP_TEXT("slow_list"), GSP_TEXT(""), GSP_TEXT(""), list, GSP_BLOCKING, 0 },
    { GSP_TEXT("fails"), GSP_TEXT(""), GSP_TEXT(""), fails, 0, 0 },
    { GSP_TEXT("slow_fails"), GSP_TEXT(""), GSP_TEXT(""), fails, GSP_BLOCKING, 0 },
    { GSP_TEXT("awaits"), GSP_TEXT(""), GSP_TEXT(""), awaits, GSP_BLOCKING, 0 },
    { GSP_TEXT("facts"), GSP_TEXT(""), GSP_TEXT(""), facts, 0, 0 },
    { GSP_TEXT("slow_facts"), GSP_TEXT(""), GSP_TEXT(""), facts, GSP_BLOCKING, 0 },
    { GSP_TEXT("box"), GSP_TEXT(""), GSP_TEXT(""), make_box, 0, 0 },
};
static const gsp_function methods[] = {
    { GSP_TEXT("add"), GSP_TEXT(""), GSP_TEXT(""), box_add, 0, 0 },
    { GSP_TEXT("hold"), GSP_TEXT(""), GSP_TEXT(""), box_hold, GSP_BLOCKING, 0 },
};
static const gsp_class box = { sizeof(gsp_class), 2, GSP_TEXT("Box"), drop, methods };
static const gsp_class *const classes[] = { &box };

/* Messages. Integers are postcard's: zigzag, then seven bits a byte. */
static uint32_t write_integer(uint8_t *to, int64_t value) {
    uint64_t bits = ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
    uint32_t len = 0;
    for (; bits > 127; bits >>= 7) to[len++] = (uint8_t)(bits | 128);
    to[len++] = (uint8_t)bits;
    return len;
}

static int64_t read_integer(gsp_bytes *from) {
    uint64_t bits = 0;
    for (uint32_t shift = 0; from->len > 0; shift += 7) {
        uint8_t byte = *from->ptr++;
        from->len--;
        bits |= (uint64_t)(byte & 127) << shift;
        if (byte < 128) break;
    }
    return (int64_t)(bits >> 1) ^ -(int64_t)(bits & 1);
}

#define PAIR "{ a: i64, b: i64 }"
static const gsp_message add_request = { sizeof(gsp_message), 1, GSP_TEXT("tried.Add"), GSP_TEXT(PAIR), NULL, GSP_TEXT("Adds.") };
static const gsp_message slow_request = { sizeof(gsp_message), 1, GSP_TEXT("tried.SlowAdd"), GSP_TEXT(PAIR), NULL, GSP_TEXT("") };
static const gsp_message open_request = { sizeof(gsp_message), 1, GSP_TEXT("tried.Open"), GSP_TEXT("{ count: i64 }"), NULL, GSP_TEXT("") };
static const gsp_message stay_request = { sizeof(gsp_message), 1, GSP_TEXT("tried.Stay"), GSP_TEXT("{}"), NULL, GSP_TEXT("") };
static const gsp_message number = { sizeof(gsp_message), 1, GSP_TEXT("tried.Number"), GSP_TEXT("{ n: i64 }"), NULL, GSP_TEXT("") };
static const gsp_message *const messages[] = { &add_request, &slow_request, &open_request, &stay_request, &number };
static const gsp_message *const numbers[] = { &number };

static int32_t serve_add(gsp_request *request, gsp_bytes body) {
    int64_t a = read_integer(&body), b = read_integer(&body);
    if (a == 13) return request->host->fail(request, GSP_DENIED, text("not 13"));
    uint8_t *to = request->host->buffer(request, 10);
    TRY(to && request->host->reply_buffer(request, &number, write_integer(to, a + b)));
    return GSP_OK;
}

/* Never answers, where it must not wait. */
static int32_t serve_stay(gsp_request *request, gsp_bytes body) {
    for (volatile int go = request != NULL && body.len < 1000; go;) { }
    return GSP_OK;
}

/* So many numbers; then the sum of those that come. */
static int32_t serve_open(gsp_request *request, gsp_bytes body) {
    int64_t count = read_integer(&body), sum = 0;
    uint8_t bytes[10];
    const gsp_message *type;
    for (int64_t i = 1; i <= count; i++) {
        gsp_bytes item = { bytes, write_integer(bytes, i) };
        TRY(request->host->send(request, &number, item));
    }
    for (;;) {
        int32_t came = request->host->receive(request, UINT64_MAX, &type, &body);
        if (came < 0) return GSP_FAILED;
        if (came == 0) break;
        if (type == &number) sum += read_integer(&body);
    }
    gsp_bytes last = { bytes, write_integer(bytes, sum) };
    return request->host->send(request, &number, last) ? GSP_OK : GSP_FAILED;
}

static const gsp_handler handlers[] = {
    { &add_request, numbers, serve_add, 1, 0 },
    { &slow_request, numbers, serve_add, 1, GSP_BLOCKING },
    { &open_request, numbers, serve_open, 1, GSP_STREAM },
    { &stay_request, numbers, serve_stay, 1, 0 },
};
static const gsp_service service = { sizeof(gsp_service), 4, GSP_TEXT("tried"), GSP_TEXT("numbers"), handlers, GSP_TEXT("Adds numbers.") };
static const gsp_service *const services[] = { &service };

GSP_PLUGIN(tried, "1.0.0", "Is called by tests.",
    .functions = functions, .function_count = sizeof functions / sizeof *functions,
    .classes = classes, .class_count = 1, .messages = messages, .message_count = 5, .services = services, .service_count = 1,
    .lua = GSP_TEXT("local tried = ... function tried.twice(n) return tried.add(n, n) end return tried"),
    .app = GSP_TEXT("print('app', require('tried').twice(21), ...)"));
