/* A plugin of gshell in C that has one of everything: functions of numbers, bytes, tables and objects, a constant, a function
 * that waits, and a service. See Makefile, and ../lua/use_sum.lua, which uses it. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gshell_plugin.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static int32_t failed(gsp_call *call, uint32_t code, const char *text) {
    gsp_bytes bytes = { (const uint8_t *)text, (uint32_t)strlen(text) };
    return call->host->fail(call, code, bytes);
}

/* ---- Numbers ---- */

static int32_t add(gsp_call *call) {
    int64_t a, b;
    if (!call->host->get_integer(call, 1, &a) || !call->host->get_integer(call, 2, &b)) return GSP_FAILED;
    if ((b > 0 && a > INT64_MAX - b) || (b < 0 && a < INT64_MIN - b)) {
        return failed(call, GSP_LIMIT, "the sum has more than 64 bits");
    }
    return call->host->put_integer(call, a + b) ? GSP_OK : GSP_FAILED;
}

/* All numbers of a table. */
static int32_t total(gsp_call *call) {
    const gsp_host *host = call->host;
    uint32_t length, part, i;
    double sum = 0;
    if (!host->get_length(call, 1, &length)) return GSP_FAILED;
    for (i = 1; i <= length; i++) {
        double number;
        if (!host->open_item(call, 1, i, &part) || !host->get_number(call, part, &number)) return GSP_FAILED;
        host->close(call, part);
        sum += number;
    }
    return host->put_number(call, sum) ? GSP_OK : GSP_FAILED;
}

/* ---- Bytes ---- */

/* Writes into memory of the host: nothing is allocated here, and the result is copied once. */
static int32_t reverse(gsp_call *call) {
    gsp_bytes bytes;
    uint8_t *out;
    uint32_t i;
    if (!call->host->get_bytes(call, 1, &bytes)) return GSP_FAILED;
    out = call->host->buffer(call, bytes.len);
    if (!out) return GSP_FAILED;
    for (i = 0; i < bytes.len; i++) out[i] = bytes.ptr[bytes.len - 1 - i];
    return call->host->put_buffer(call, bytes.len) ? GSP_OK : GSP_FAILED;
}

/* ---- Tables ---- */

/* How often each byte is there, as a table from bytes to counts, and in a field how many there are. */
static int32_t tally(gsp_call *call) {
    const gsp_host *host = call->host;
    static const gsp_bytes counts_name = GSP_TEXT("counts"), bytes_name = GSP_TEXT("bytes");
    uint32_t counts[256] = { 0 }, i;
    gsp_bytes bytes;
    if (!host->get_bytes(call, 1, &bytes)) return GSP_FAILED;
    for (i = 0; i < bytes.len; i++) counts[bytes.ptr[i]]++;
    if (!host->put_table(call, 0, 2) || !host->put_table(call, 0, 0)) return GSP_FAILED;
    for (i = 0; i < 256; i++) {
        uint8_t byte = (uint8_t)i;
        gsp_bytes key = { &byte, 1 };
        if (!counts[i]) continue;
        if (!host->put_bytes(call, key) || !host->put_integer(call, counts[i]) || !host->end_pair(call)) return GSP_FAILED;
    }
    if (!host->end_field(call, counts_name)) return GSP_FAILED;
    if (!host->put_integer(call, bytes.len) || !host->end_field(call, bytes_name)) return GSP_FAILED;
    return GSP_OK;
}

/* ---- Objects ---- */

typedef struct mean {
    double sum;
    uint32_t count;
} mean;

static const gsp_class mean_class;

static int32_t mean_add(gsp_call *call) {
    void *data;
    double number;
    mean *self;
    if (!call->host->get_object(call, 1, &mean_class, &data)) return GSP_FAILED;
    if (!call->host->get_number(call, 2, &number)) return GSP_FAILED;
    self = data;
    self->sum += number;
    self->count++;
    return GSP_OK;
}

static int32_t mean_value(gsp_call *call) {
    void *data;
    mean *self;
    if (!call->host->get_object(call, 1, &mean_class, &data)) return GSP_FAILED;
    self = data;
    if (!self->count) return failed(call, GSP_STATE, "a mean of nothing");
    return call->host->put_number(call, self->sum / self->count) ? GSP_OK : GSP_FAILED;
}

static const gsp_function mean_methods[] = {
    { GSP_TEXT("add"), GSP_TEXT("number: number"), GSP_TEXT("One number more."), mean_add, 0, 0 },
    { GSP_TEXT("value"), GSP_TEXT("-> number"), GSP_TEXT("The mean of all of them."), mean_value, 0, 0 },
};

/* All code that the descriptor names is the plugin's own: `free` itself would not be. */
static void mean_drop(void *data) { free(data); }

static const gsp_class mean_class = {
    .size = sizeof(gsp_class),
    .method_count = LENGTH(mean_methods),
    .name = GSP_TEXT("Mean"),
    .drop = mean_drop,
    .methods = mean_methods,
};

static int32_t new_mean(gsp_call *call) {
    mean *self = calloc(1, sizeof(mean));
    if (!self) return failed(call, GSP_LIMIT, "no memory for a mean");
    return call->host->put_object(call, &mean_class, self) ? GSP_OK : GSP_FAILED;
}

/* ---- A function that waits ---- */

/* In steps, as between two of them it can see that nobody waits for it any more. */
static int32_t nap(gsp_call *call) {
    const struct timespec step = { 0, 10 * 1000 * 1000 };
    int64_t milliseconds, gone;
    if (!call->host->get_integer(call, 1, &milliseconds)) return GSP_FAILED;
    if (milliseconds < 0 || milliseconds > 60000) {
        static const gsp_bytes expected = GSP_TEXT("an integer from 0 to 60000");
        call->host->misfit(call, 1, expected);
        return GSP_FAILED;
    }
    for (gone = 0; gone < milliseconds; gone += 10) {
        if (call->host->cancelled(call)) return failed(call, GSP_CANCELLED, "nobody waits any more");
        nanosleep(&step, NULL);
    }
    return call->host->put_integer(call, milliseconds) ? GSP_OK : GSP_FAILED;
}

/* ---- A service ---- */

static const gsp_message request = {
    .size = sizeof(gsp_message),
    .priority = 1,
    .name = GSP_TEXT("sum.Request"),
    .shape = GSP_TEXT("{ numbers: [i32] }"),
    .help = GSP_TEXT("Asks for a sum."),
};

static const gsp_message reply = {
    .size = sizeof(gsp_message),
    .priority = 1,
    .name = GSP_TEXT("sum.Reply"),
    .shape = GSP_TEXT("{ sum: i64, count: u32 }"),
    .help = GSP_TEXT("The sum."),
};

/* Unsigned integers have seven bits a byte, lowest first; the highest bit says that more follow. 0 when they end too early. */
static int read_unsigned(gsp_bytes *body, uint64_t *out) {
    unsigned shift = 0;
    *out = 0;
    while (body->len && shift < 64) {
        uint8_t byte = *body->ptr++;
        body->len--;
        *out |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) return 1;
        shift += 7;
    }
    return 0;
}

static uint32_t write_unsigned(uint8_t *out, uint64_t number) {
    uint32_t len = 0;
    for (; number >= 0x80; number >>= 7) out[len++] = (uint8_t)(number | 0x80);
    out[len++] = (uint8_t)number;
    return len;
}

/* Signed ones alternate: 0, -1, 1, -2, ... */
static int64_t from_zigzag(uint64_t number) { return (int64_t)(number >> 1) ^ -(int64_t)(number & 1); }
static uint64_t to_zigzag(int64_t number) { return ((uint64_t)number << 1) ^ (number < 0 ? UINT64_MAX : 0); }

static int32_t bad_message(gsp_request *asked) {
    static const gsp_bytes text = GSP_TEXT("this is no list of numbers");
    return asked->host->fail(asked, GSP_BAD_MESSAGE, text);
}

static int32_t handle(gsp_request *asked, gsp_bytes body) {
    uint64_t count, number, i;
    int64_t sum = 0;
    uint32_t len;
    uint8_t *out;
    if (!read_unsigned(&body, &count) || count > body.len) return bad_message(asked);
    for (i = 0; i < count; i++) {
        if (!read_unsigned(&body, &number) || number > UINT32_MAX) return bad_message(asked);
        sum += from_zigzag(number);
    }
    if (body.len) return bad_message(asked);
    out = asked->host->buffer(asked, 20);
    if (!out) return GSP_FAILED;
    len = write_unsigned(out, to_zigzag(sum));
    len += write_unsigned(out + len, count);
    return asked->host->reply_buffer(asked, &reply, len) ? GSP_OK : GSP_FAILED;
}

static const gsp_message *const replies[] = { &reply };
static const gsp_handler handlers[] = { { &request, replies, handle, LENGTH(replies), 0 } };
static const gsp_service service = {
    .size = sizeof(gsp_service),
    .handler_count = LENGTH(handlers),
    .publisher = GSP_TEXT("example"),
    .name = GSP_TEXT("sum"),
    .handlers = handlers,
    .help = GSP_TEXT("Adds numbers."),
};

/* ---- The plugin ---- */

static const gsp_function functions[] = {
    { GSP_TEXT("add"), GSP_TEXT("a: integer, b: integer -> integer"), GSP_TEXT("The sum of two integers."), add, 0, 0 },
    { GSP_TEXT("total"), GSP_TEXT("numbers: [number] -> number"), GSP_TEXT("The sum of all numbers."), total, 0, 0 },
    { GSP_TEXT("reverse"), GSP_TEXT("bytes: bytes -> bytes"), GSP_TEXT("The last byte first."), reverse, 0, 0 },
    { GSP_TEXT("tally"), GSP_TEXT("bytes: bytes -> { counts: map<bytes, integer>, bytes: integer }"),
        GSP_TEXT("How often each byte is there."), tally, 0, 0 },
    { GSP_TEXT("mean"), GSP_TEXT("-> Mean"), GSP_TEXT("An object that takes numbers and gives their mean."), new_mean, 0, 0 },
    { GSP_TEXT("nap"), GSP_TEXT("milliseconds: integer -> integer"), GSP_TEXT("Waits."), nap, GSP_BLOCKING, 0 },
};

static const gsp_constant constants[] = {
    { .name = GSP_TEXT("PI"), .kind = GSP_NUMBER, .number = 3.141592653589793 },
    { .name = GSP_TEXT("LANGUAGE"), .kind = GSP_BYTES, .bytes = GSP_TEXT("C") },
};

static const gsp_message *const messages[] = { &request, &reply };
static const gsp_class *const classes[] = { &mean_class };
static const gsp_service *const services[] = { &service };

GSP_PLUGIN(sum, "1.0.0", "Sums of everything: an example in C",
    .functions = functions, .function_count = LENGTH(functions),
    .constants = constants, .constant_count = LENGTH(constants),
    .messages = messages, .message_count = LENGTH(messages),
    .classes = classes, .class_count = LENGTH(classes),
    .services = services, .service_count = LENGTH(services));
