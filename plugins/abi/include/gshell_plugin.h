/* gshell_plugin.h - what a gshell plugin and its host agree on.
 *
 * A plugin is a shared object whose name ends in ".gplugin". It exports one constant, the descriptor (gsp_plugin), under the
 * name "gshell_plugin_" and the plugin's own name, in which every character that C does not allow in names is "_"; and it
 * carries a note (gsp_note) that tells who it is to whoever only reads the file. GSP_PLUGIN below makes both:
 *
 *     static int32_t add(gsp_call *call) {
 *         int64_t a, b;
 *         if (!call->host->get_integer(call, 1, &a) || !call->host->get_integer(call, 2, &b)) return GSP_FAILED;
 *         return call->host->put_integer(call, a + b) ? GSP_OK : GSP_FAILED;
 *     }
 *     static const gsp_function functions[] = { { GSP_TEXT("add"), GSP_TEXT("a: integer, b: integer -> integer"),
 *         GSP_TEXT("The sum of two integers."), add, 0, 0 } };
 *     GSP_PLUGIN(sum, "1.0.0", "Adds.", .functions = functions, .function_count = 1);
 *
 * Rules. Everything that the descriptor points to is constant and lies in the plugin itself. Nothing is freed by the other
 * side. No exception, panic or longjmp leaves a function of either side. Integers have fixed widths and the byte order of the
 * machine: plugin and host are one process. Text is UTF-8 unless it says bytes, and is not terminated. A struct that begins
 * with `size` may grow at its end: a reader looks at no field beyond `size`. A plugin is never closed.
 */
#ifndef GSHELL_PLUGIN_H
#define GSHELL_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Goes up when plugins that were built before no longer fit. */
#define GSP_ABI 1
/* Goes up when something is added at the end of a struct. A plugin fits a host whose minor is not smaller than the `needs`
 * of the plugin. */
#define GSP_MINOR 0

/* What a plugin's function returns. */
#define GSP_OK 0
#define GSP_FAILED 1

/* Bytes of somebody else. Empty: len is 0, whatever ptr is. */
typedef struct gsp_bytes {
    const uint8_t *ptr;
    uint32_t len;
} gsp_bytes;

/* A constant text as gsp_bytes. */
#define GSP_TEXT(text) { (const uint8_t *)(text), sizeof(text) - 1 }

/* Codes of errors: those that messages carry. */
enum {
    GSP_INTERNAL = 1, /* a mistake in the program that answers */
    GSP_UNKNOWN_MESSAGE = 2, /* nobody handles a message with this key */
    GSP_BAD_MESSAGE = 3, /* the body is not what the key promises */
    GSP_NOT_FOUND = 4, /* what was asked for is not there */
    GSP_EXISTS = 5, /* what was to be made is there already */
    GSP_INVALID = 6, /* an argument is not acceptable */
    GSP_DENIED = 7, /* the caller is not allowed to do this */
    GSP_LIMIT = 8, /* a bound was reached */
    GSP_BUSY = 9, /* not now; trying again later may work */
    GSP_TIMEOUT = 10, /* it took too long */
    GSP_STOPPED = 11, /* what was asked has been stopped or is stopping */
    GSP_UNREACHABLE = 12, /* the other side cannot be reached */
    GSP_VERSION = 13, /* the two sides have no common protocol version */
    GSP_PROTOCOL = 14, /* a side broke the protocol */
    GSP_CANCELLED = 15, /* the caller gave up */
    GSP_STATE = 16, /* refused in the present state */
    GSP_STORAGE = 17, /* a disk or file failed */
    GSP_SCRIPT = 18 /* a script failed */
};

/* Kinds of values. */
enum {
    GSP_NONE = 0,         /* there is no such argument */
    GSP_NIL = 1,
    GSP_BOOLEAN = 2,
    GSP_INTEGER = 3,
    GSP_NUMBER = 4,       /* a float */
    GSP_BYTES = 5,        /* a string of Lua */
    GSP_TABLE = 6,
    GSP_OBJECT = 7,       /* made by a plugin: see gsp_class */
    GSP_OTHER = 8         /* a function, a thread, ... */
};

/* The numbers of arguments are not above it, those of parts of tables are. */
#define GSP_PARTS 0x1000000u

struct gsp_host;
struct gsp_class;
struct gsp_message;
struct gsp_service_host;

/* One call of a function: it ends when the function returns, and what was lent for it with it. Only `host` is for plugins. */
typedef struct gsp_call {
    const struct gsp_host *host;
} gsp_call;

/* A function that scripts call: GSP_OK with its results put, or GSP_FAILED after an error was noted. */
typedef int32_t (*gsp_call_fn)(gsp_call *call);

/* What a function can ask for. Functions that give int32_t give 1, or 0 after they noted an error for the script, upon which
 * the plugin's function returns GSP_FAILED. Arguments are numbered from 1. */
typedef struct gsp_host {
    uint32_t size;
    uint32_t minor;

    /* Arguments: how many, and of what kind. */
    uint32_t (*count)(gsp_call *call);
    uint32_t (*kind)(gsp_call *call, uint32_t n);
    int32_t (*get_boolean)(gsp_call *call, uint32_t n, int32_t *out);
    /* Floats without a fraction are integers too. */
    int32_t (*get_integer)(gsp_call *call, uint32_t n, int64_t *out);
    int32_t (*get_number)(gsp_call *call, uint32_t n, double *out);
    /* Not copied: lent until the function returns. */
    int32_t (*get_bytes)(gsp_call *call, uint32_t n, gsp_bytes *out);
    /* The data of an object of exactly this class, lent until the function returns. */
    int32_t (*get_object)(gsp_call *call, uint32_t n, const struct gsp_class *of, void **out);

    /* Tables: their parts become further arguments, with the number that *as gets, which is above GSP_PARTS: so an argument
     * that was not given is never one of them. */
    int32_t (*get_length)(gsp_call *call, uint32_t n, uint32_t *out);
    /* The item i (from 1), GSP_NIL if there is none. */
    int32_t (*open_item)(gsp_call *call, uint32_t n, uint32_t i, uint32_t *as);
    int32_t (*open_field)(gsp_call *call, uint32_t n, gsp_bytes name, uint32_t *as);
    /* All pairs one after the other: *key is 0 at first, then what the last call gave. 1 with the next pair in *key and
     * *value, 0 after the last one (no error is noted). The numbers stay the same over the whole walk. */
    int32_t (*open_next)(gsp_call *call, uint32_t n, uint32_t *key, uint32_t *value);
    /* Gives back a part and all that were opened after it. */
    void (*close)(gsp_call *call, uint32_t as);

    /* Results, in the order in which they are put. */
    int32_t (*put_nil)(gsp_call *call);
    int32_t (*put_boolean)(gsp_call *call, int32_t value);
    int32_t (*put_integer)(gsp_call *call, int64_t value);
    int32_t (*put_number)(gsp_call *call, double value);
    int32_t (*put_bytes)(gsp_call *call, gsp_bytes value);
    /* Takes `data`, which the class drops when no script has the object any more; also when this fails. */
    int32_t (*put_object)(gsp_call *call, const struct gsp_class *of, void *data);
    /* A table, with room for so many items and fields, which the following three fill. */
    int32_t (*put_table)(gsp_call *call, uint32_t items, uint32_t fields);
    /* The result that was put last, which is not nil, becomes the next item of the table that was put before it. */
    int32_t (*end_item)(gsp_call *call);
    /* ... becomes the field `name` of it. */
    int32_t (*end_field)(gsp_call *call, gsp_bytes name);
    /* The two that were put last become key and value of the table that was put before them. */
    int32_t (*end_pair)(gsp_call *call);
    /* Memory of so many bytes to write a result into, the same each time in one call, larger if asked for more (what was
     * written stays); NULL after an error was noted. Lent until the function returns. */
    uint8_t *(*buffer)(gsp_call *call, uint32_t len);
    /* The first len bytes of it as a result. */
    int32_t (*put_buffer)(gsp_call *call, uint32_t len);

    /* Errors. Both give GSP_FAILED, so that a function can end with `return host->fail(...)`. The first error counts, and the
     * call fails also when the function returns GSP_OK after it. */
    int32_t (*fail)(gsp_call *call, uint32_t code, gsp_bytes text);
    /* The argument n is not what was expected, as in "a positive integer". */
    int32_t (*misfit)(gsp_call *call, uint32_t n, gsp_bytes expected);

    /* For a function that runs long: 1 when nobody waits for its result any more. */
    int32_t (*cancelled)(gsp_call *call);
} gsp_host;

/* The function may wait or compute for long: it runs on a thread for that, while the coroutine that called it waits. Its
 * arguments are copied. An object that it uses is in use until it returns; others who use it then get an error. */
#define GSP_BLOCKING 1u

/* A function for scripts. */
typedef struct gsp_function {
    gsp_bytes name;
    /* For those who ask: "a: integer, b: integer -> integer". May be empty. */
    gsp_bytes signature;
    gsp_bytes help;
    gsp_call_fn call;
    uint32_t flags;
    uint32_t reserved; /* 0 */
} gsp_function;

/* A constant for scripts; `kind` says which of the others counts. */
typedef struct gsp_constant {
    gsp_bytes name;
    uint32_t kind; /* GSP_BOOLEAN (in `integer`), GSP_INTEGER, GSP_NUMBER, GSP_BYTES */
    uint32_t reserved; /* 0 */
    int64_t integer;
    double number;
    gsp_bytes bytes;
} gsp_constant;

/* Objects: data of the plugin with methods. The first argument of a method is the object. */
typedef struct gsp_class {
    uint32_t size;
    uint32_t method_count;
    gsp_bytes name;
    /* Ends the data; on whichever thread. May be NULL. A method "close" is also called by Lua's <close>. */
    void (*drop)(void *data);
    const gsp_function *methods;
} gsp_class;

/* A message type, as `gshell schema` prints it: name "echo.Request", shape "{ text: string, num: i32 }". */
typedef struct gsp_message {
    uint32_t size;
    uint32_t priority; /* 0 low, 1 normal, 2 high */
    gsp_bytes name;
    gsp_bytes shape;
    /* When `shape` is empty: puts one text, the shape. */
    gsp_call_fn describe;
    gsp_bytes help;
} gsp_message;

/* One request to a service: it ends when the handler returns. Only `host` is for plugins. */
typedef struct gsp_request {
    const struct gsp_service_host *host;
} gsp_request;

/* Handles one request, whose body (postcard, see docs/protocol.md) is lent until it returns: GSP_OK after a reply, if its
 * message has one, or GSP_FAILED after an error was noted. May be called on several threads at once if it is blocking. */
typedef int32_t (*gsp_handler_fn)(gsp_request *request, gsp_bytes body);

typedef struct gsp_service_host {
    uint32_t size;
    uint32_t minor;
    /* Answers; `type` is one of the handler's replies. Once a call at most. */
    int32_t (*reply)(gsp_request *request, const struct gsp_message *type, gsp_bytes body);
    /* Memory to write a reply into, as for calls of functions, and its first len bytes as the answer. */
    uint8_t *(*buffer)(gsp_request *request, uint32_t len);
    int32_t (*reply_buffer)(gsp_request *request, const struct gsp_message *type, uint32_t len);
    int32_t (*fail)(gsp_request *request, uint32_t code, gsp_bytes text);
    int32_t (*cancelled)(gsp_request *request);
    /* Handlers of streams only (GSP_STREAM). Waits until there is room; 0 when the peer is gone or gave up. */
    int32_t (*send)(gsp_request *request, const struct gsp_message *type, gsp_bytes body);
    /* Waits so many nanoseconds at most (UINT64_MAX: as long as the stream lives) for the next message, which is lent until
     * the next call: 1 with *type, one of the service's messages, and *body; 0 at the end of what the peer sends; -1 after an
     * error was noted (a timeout, a message that nobody knows, a peer that is gone). A handler may go on after a timeout. */
    int32_t (*receive)(gsp_request *request, uint64_t timeout_ns, const struct gsp_message **type, gsp_bytes *body);
} gsp_service_host;

/* The handler sends and receives on the stream of the request; it runs on a thread for blocking functions. */
#define GSP_STREAM 2u

typedef struct gsp_handler {
    const gsp_message *request;
    /* What it may answer or send; none: a one-way message. */
    const gsp_message *const *replies;
    gsp_handler_fn call;
    uint32_t reply_count;
    uint32_t flags; /* GSP_BLOCKING, GSP_STREAM */
} gsp_handler;

typedef struct gsp_service {
    uint32_t size;
    uint32_t handler_count;
    gsp_bytes publisher;
    gsp_bytes name;
    const gsp_handler *handlers;
    gsp_bytes help;
} gsp_service;

/* The descriptor. */
typedef struct gsp_plugin {
    uint32_t size;
    uint16_t abi;   /* GSP_ABI */
    uint16_t needs; /* the smallest minor of a host that it can live with */
    /* Compatibility record: what it was built for and by, compared with the host before anything else is read. */
    uint8_t pointer_bits;
    uint8_t big_endian;
    uint16_t reserved; /* 0 */
    uint32_t call_size;  /* sizeof(gsp_host) and sizeof(gsp_service_host) that it was built with */
    uint32_t serve_size;
    gsp_bytes built_by; /* "rustc 1.95.0", "gcc 12.2.0": told, not compared */
    /* "echo", or a path such as "example.org/echo"; scripts `require` it by this name, "/" as ".". 63 bytes at most of
     * a-z, 0-9, "_", "-", "." and "/". */
    gsp_bytes name;
    gsp_bytes version; /* "1.2.3" */
    gsp_bytes summary; /* one line */
    const gsp_function *functions;
    const gsp_constant *constants;
    const gsp_message *const *messages;
    const gsp_class *const *classes;
    const gsp_service *const *services;
    uint32_t function_count;
    uint32_t constant_count;
    uint32_t message_count;
    uint32_t class_count;
    uint32_t service_count;
    /* Lua source that makes the module from the raw table, its argument: what it returns is what `require` gives. May be
     * empty. */
    gsp_bytes lua;
    /* Lua source that `gshell run NAME` runs as an environment, the plugin's own app. May be empty. */
    gsp_bytes app;
    /* Called once before anything else, on the thread that opens the plugin; may fail, which leaves the plugin out. NULL: no
     * such function. */
    gsp_call_fn load;
} gsp_plugin;

/* The note: type 1 of owner "gshell", in section ".note.gshell". Byte order and alignment (4) are those of the file. */
#define GSP_NOTE_TYPE 1u
typedef struct gsp_note {
    uint32_t owner_size; /* 7 */
    uint32_t body_size;  /* 104 */
    uint32_t type;
    char owner[8];       /* "gshell", zero */
    /* The body. */
    uint16_t abi;
    uint16_t needs;
    uint32_t reserved;   /* 0 */
    char name[64];       /* zeros behind it */
    char version[32];
} gsp_note;

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define GSP_BIG_ENDIAN 1
#else
#define GSP_BIG_ENDIAN 0
#endif
#if defined(__clang__)
#define GSP_COMPILER "clang " __clang_version__
#elif defined(__GNUC__)
#define GSP_COMPILER "gcc " __VERSION__
#else
#define GSP_COMPILER "cc"
#endif
#define GSP_JOIN_(a, b) a##b
#define GSP_JOIN(a, b) GSP_JOIN_(a, b)

/* GSP_PLUGIN(NAME, VERSION, SUMMARY, .functions = ..., ...): the descriptor and the note of a plugin whose name is a word of C.
 * GSP_PLUGIN_NAMED(WORD, "example.org/name", ...) is for others; WORD is the name with "_" for what C does not allow. */
#define GSP_PLUGIN(word, version_, summary_, ...) GSP_PLUGIN_NAMED(word, #word, version_, summary_, __VA_ARGS__)
#define GSP_PLUGIN_NAMED(word, name_, version_, summary_, ...)                                                            \
    __attribute__((used, section(".note.gshell"), aligned(4))) static const gsp_note GSP_JOIN(gsp_note_of_, word) = {   \
        7, sizeof(gsp_note) - offsetof(gsp_note, abi), GSP_NOTE_TYPE, "gshell", GSP_ABI, 0, 0, name_, version_ };            \
    __attribute__((used, visibility("default"))) const gsp_plugin GSP_JOIN(gshell_plugin_, word) = {                        \
        .size = sizeof(gsp_plugin), .abi = GSP_ABI, .needs = 0, .pointer_bits = sizeof(void *) * 8,                              \
        .big_endian = GSP_BIG_ENDIAN, .call_size = sizeof(gsp_host), .serve_size = sizeof(gsp_service_host),                     \
        .built_by = GSP_TEXT(GSP_COMPILER), .name = GSP_TEXT(name_), .version = GSP_TEXT(version_),                              \
        .summary = GSP_TEXT(summary_), __VA_ARGS__ }

#ifdef __cplusplus
}
#endif

#endif
