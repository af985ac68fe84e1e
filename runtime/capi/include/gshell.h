/* gshell.h: services of gshell for C and C++ programs. C99; link with -lgshell.
 *
 * A client discovers a service (or connects to an address), makes messages by the names of their fields and calls. A
 * server declares messages as text, adds a handler for each request, and runs. docs/c-api.md explains it at length;
 * examples/c has a client and a server.
 *
 * Objects. gshell_conn, gshell_stream, gshell_message, gshell_server and gshell_request are handles that only this
 * library looks at. Each is freed by the function that its constructor names; NULL may always be freed. A handle that was
 * freed, is of another kind or was never one is the error GSHELL_INVALID.
 *
 * Errors. Functions that return int return GSHELL_OK (0) or a code above 0; those that return an object return NULL
 * when they fail. If the last argument `error` is not NULL, `*error` is then an error that tells more, which
 * gshell_error_free frees; and it is NULL when all went well. So `*error` may be freed after any call. What it held
 * before the call is neither looked at nor freed.
 *
 * Texts are UTF-8 and end with a zero byte. Texts and bytes that are passed are copied. Those that are returned belong
 * to the object that they come from; how long they stay is said there.
 *
 * Times are milliseconds: below 0 waits for ever, 0 does not wait.
 *
 * Threads. An object may be used by any thread, one at a time: a connection (with its streams) or a message that
 * another thread is using at this moment is the error GSHELL_BUSY. What differs is said at the function. After fork(),
 * the child must not use objects of the parent. The library does not change signal handlers or masks.
 */
#ifndef GSHELL_H
#define GSHELL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Number of the binary interface: grows when programs have to be compiled anew. */
#define GSHELL_ABI 1

/* The number with which the library was built. */
uint32_t gshell_abi(void);

/* The version of the library, such as "0.1.0"; stays for ever. */
const char *gshell_version(void);

/* Objects and errors that were made and not freed: for tests that look for leaks. */
size_t gshell_objects(void);

/* --- Errors ------------------------------------------------------------------------------------------------------- */

enum {
    GSHELL_END = -1,            /* no error: the end of a stream */
    GSHELL_OK = 0,
    GSHELL_INTERNAL = 1,        /* a mistake in the program that answers, or in the library */
    GSHELL_UNKNOWN_MESSAGE = 2, /* the service does not handle such a message */
    GSHELL_BAD_MESSAGE = 3,     /* a message is not what its type says, or not complete */
    GSHELL_NOT_FOUND = 4,       /* what was asked for is not there */
    GSHELL_EXISTS = 5,          /* what was to be made is there already */
    GSHELL_INVALID = 6,         /* an argument is not acceptable */
    GSHELL_DENIED = 7,          /* not allowed */
    GSHELL_LIMIT = 8,           /* a bound was reached */
    GSHELL_BUSY = 9,            /* not now; trying again later may work */
    GSHELL_TIMEOUT = 10,        /* it took too long */
    GSHELL_STOPPED = 11,        /* it has been stopped or is stopping */
    GSHELL_UNREACHABLE = 12,    /* the other side cannot be reached, or is gone */
    GSHELL_VERSION = 13,        /* no common protocol version */
    GSHELL_PROTOCOL = 14,       /* a side broke the protocol */
    GSHELL_CANCELLED = 15,      /* the caller gave up */
    GSHELL_STATE = 16,          /* refused in the present state */
    GSHELL_STORAGE = 17,        /* a disk or file failed */
    GSHELL_SCRIPT = 18          /* a script failed */
};

/* An error. Newer services may send codes that are not in the list. */
typedef struct gshell_error {
    int code;
    const char *message; /* what did not work; never NULL */
    const char *cause;   /* what lies behind it, or NULL */
} gshell_error;

/* Frees an error; NULL and one that was freed already are left alone. */
void gshell_error_free(gshell_error *error);

/* The name of a code, such as "NotFound"; "Unknown" for others. Stays for ever. */
const char *gshell_code_name(int code);

/* --- Messages ----------------------------------------------------------------------------------------------------- */

/* A message: a type (name, key, shape) and its fields, or a key and bytes.
 *
 * Fields are named by paths: names of fields and of variants, text keys of maps and numbers of entries with dots between
 * them, as in "who" or "jobs.1.name". Entries are numbered from 1. In a setter "+" is a new entry at the end of a
 * list and "-" the last one: "nums.+", or "jobs.+.name" and then "jobs.-.prio". "" is the whole message. Options are
 * looked through: a value set is one that is there. */
typedef struct gshell_message gshell_message;
typedef struct gshell_conn gshell_conn;
typedef struct gshell_request gshell_request;

/* An empty message of a type of the service, which is asked for its types at the first time (within 5 s), or of one that
 * gshell_declare added. Free with gshell_message_free. */
gshell_message *gshell_message_new(gshell_conn *conn, const char *name, gshell_error **error);

/* The same for a message whose bytes (postcard) are there: they are checked. */
gshell_message *gshell_message_from_bytes(gshell_conn *conn, const char *name, const void *bytes, size_t len,
                                          gshell_error **error);

/* A message of a type that is declared here, as "{ who: string, nums: [i32], note: string? }"; needs no service. */
gshell_message *gshell_message_declared(const char *name, const char *shape, gshell_error **error);

/* A message that is a key and bytes; nothing is checked, and it has no fields. The name is for texts, and may be NULL. */
gshell_message *gshell_message_raw(uint64_t key, const char *name, const void *bytes, size_t len,
                                   gshell_error **error);

/* A copy. */
gshell_message *gshell_message_copy(gshell_message *message, gshell_error **error);

void gshell_message_free(gshell_message *message);

/* The key of the type `name` with that shape: what identifies a message on the wire. */
int gshell_key(const char *name, const char *shape, uint64_t *key, gshell_error **error);

int gshell_message_key(gshell_message *message, uint64_t *key, gshell_error **error);
/* The name of its type, "" when that is not known; stays until the message is changed or freed. */
const char *gshell_message_name(gshell_message *message, gshell_error **error);
/* All of it as one line for people; stays until the message is changed or freed. */
const char *gshell_message_text(gshell_message *message, gshell_error **error);
/* Its bytes; they stay until the message is changed or freed. */
int gshell_message_bytes(gshell_message *message, const void **bytes, size_t *len, gshell_error **error);

/* Setters: GSHELL_INVALID for a path that the type does not have and for a value that does not fit there; the error
 * names the field. A text set at an enum is the name of a variant that holds nothing. A setter that fails may leave
 * empty entries behind that it made on its way. */
int gshell_set_bool(gshell_message *message, const char *path, int value, gshell_error **error);
int gshell_set_int(gshell_message *message, const char *path, int64_t value, gshell_error **error);
int gshell_set_uint(gshell_message *message, const char *path, uint64_t value, gshell_error **error);
int gshell_set_double(gshell_message *message, const char *path, double value, gshell_error **error);
int gshell_set_string(gshell_message *message, const char *path, const char *value, gshell_error **error);
int gshell_set_bytes(gshell_message *message, const char *path, const void *bytes, size_t len,
                     gshell_error **error);
/* An empty list, map, text or struct, or an option without a value. A list or map that is never set is missing. */
int gshell_set_empty(gshell_message *message, const char *path, gshell_error **error);

/* Getters: GSHELL_NOT_FOUND for what is not set, GSHELL_INVALID for a path that the type does not have and for a value
 * of another kind. The place for the value must not be NULL. */
int gshell_get_bool(gshell_message *message, const char *path, int *value, gshell_error **error);
int gshell_get_int(gshell_message *message, const char *path, int64_t *value, gshell_error **error);
int gshell_get_uint(gshell_message *message, const char *path, uint64_t *value, gshell_error **error);
int gshell_get_double(gshell_message *message, const char *path, double *value, gshell_error **error);
/* A text, or the name of a variant; stays until the message is changed or freed. A text may hold zero bytes: `len`,
 * which may be NULL, tells its length. */
int gshell_get_string(gshell_message *message, const char *path, const char **value, size_t *len,
                      gshell_error **error);
/* Bytes; they stay until the message is changed or freed. */
int gshell_get_bytes(gshell_message *message, const char *path, const void **bytes, size_t *len,
                     gshell_error **error);
/* Entries of a list or map, fields of a struct that are set; 0 when it is not there. */
int gshell_get_count(gshell_message *message, const char *path, size_t *count, gshell_error **error);
/* The key of a map's entry, or the name of a struct's field, by its number from 1; stays as other texts do. */
int gshell_get_part(gshell_message *message, const char *path, size_t number, const char **name,
                    gshell_error **error);

enum {
    GSHELL_KIND_NONE = 0, /* not there */
    GSHELL_KIND_BOOL = 1,
    GSHELL_KIND_INT = 2,
    GSHELL_KIND_UINT = 3,
    GSHELL_KIND_DOUBLE = 4,
    GSHELL_KIND_STRING = 5,
    GSHELL_KIND_BYTES = 6,
    GSHELL_KIND_LIST = 7,
    GSHELL_KIND_MAP = 8,
    GSHELL_KIND_STRUCT = 9,
    GSHELL_KIND_TUPLE = 10,
    GSHELL_KIND_ENUM = 11
};

/* What is at a path. */
int gshell_get_kind(gshell_message *message, const char *path, int *kind, gshell_error **error);

/* --- Clients ------------------------------------------------------------------------------------------------------ */

/* Scopes, from near to far. A connection of this library needs a socket, so it does not find what is published in the
 * scope of this process only. */
enum {
    GSHELL_PROCESS = 1,
    GSHELL_OS = 2,
    GSHELL_LAN = 4,
    GSHELL_WAN = 8,
    GSHELL_ALL = 15
};

/* Looks for a service, whose names may have wildcards (*), in these scopes (0: all), and connects to it. Which node's
 * services are looked at is said by GSHELL_RUN_DIR in the environment; else it is that of this user.
 * Free with gshell_close. */
gshell_conn *gshell_discover(const char *publisher, const char *service, int timeout_ms, unsigned scopes,
                             gshell_error **error);

/* Connects to "tcp:HOST:PORT" or to the path of a socket. Free with gshell_close. */
gshell_conn *gshell_connect(const char *address, int timeout_ms, gshell_error **error);

/* Ends the connection. Its streams are of no use any more, and are still to be freed. */
void gshell_close(gshell_conn *conn);

/* A service that was found. */
typedef struct gshell_found {
    const char *publisher;
    const char *service;
    const char *provider;
    const char *address; /* for gshell_connect */
    unsigned scope;
} gshell_found;

/* Calls `callback` for each service that is there, on this thread. */
int gshell_list(const char *publisher, const char *service, int timeout_ms, unsigned scopes,
                void (*callback)(const gshell_found *found, void *user), void *user, gshell_error **error);

/* Declares a message type that the service does not tell, or that this program was written for: a service that has the
 * message in another shape then says what differs. */
int gshell_declare(gshell_conn *conn, const char *name, const char *shape, gshell_error **error);

/* Sends a request and waits for its reply, at most `timeout_ms` in all. After a timeout the service is told that nobody
 * waits, and a late reply answers nothing else. The reply is freed with gshell_message_free; its place may be NULL. */
int gshell_call(gshell_conn *conn, gshell_message *request, int timeout_ms, gshell_message **reply,
                gshell_error **error);

/* The descriptor of the connection, to poll for input together with others; -1 for no connection. When it is readable,
 * call gshell_poll with 0, and receive until nothing is ready: what was read already does not show in the descriptor. */
int gshell_fd(gshell_conn *conn);

/* Waits until something can be received on a stream of the connection; `*ready` is 1 then, and 0 when the time is over. */
int gshell_poll(gshell_conn *conn, int timeout_ms, int *ready, gshell_error **error);

/* A stream of a connection: an ordered pair of message queues. */
typedef struct gshell_stream gshell_stream;

/* Opens a stream. Free with gshell_stream_close, which also ends it. */
gshell_stream *gshell_stream_open(gshell_conn *conn, gshell_error **error);

/* The stream on which gshell_call calls. Free with gshell_stream_close, which does not end it. */
gshell_stream *gshell_stream_default(gshell_conn *conn, gshell_error **error);

/* Sends a message; waits while the service does not read. */
int gshell_stream_send(gshell_stream *stream, gshell_message *message, int timeout_ms, gshell_error **error);

/* The next message; GSHELL_END when the service sends no more. An error that the service sent is returned as one. */
int gshell_stream_recv(gshell_stream *stream, int timeout_ms, gshell_message **message, gshell_error **error);

/* Sends a request on the stream and waits for its reply, as gshell_call does. */
int gshell_stream_call(gshell_stream *stream, gshell_message *request, int timeout_ms, gshell_message **reply,
                       gshell_error **error);

/* Says that this side sends no more; it may still receive. */
int gshell_stream_end(gshell_stream *stream, gshell_error **error);

void gshell_stream_close(gshell_stream *stream);

/* --- Servers ------------------------------------------------------------------------------------------------------ */

/* A service of this program. Its functions may be called by any thread at any time. */
typedef struct gshell_server gshell_server;

/* A server that is not published yet. Free with gshell_server_free. A process has at most 64. */
gshell_server *gshell_server_new(const char *publisher, const char *service, gshell_error **error);

/* Declares a message type, of requests or of replies, as text: "{ who: string, num: i32 }". `help` is one line for
 * people, or NULL. The same name may be declared in several shapes: requests of each are handled, their keys differ, and
 * new messages have the last one. */
int gshell_server_declare(gshell_server *server, const char *name, const char *shape, const char *help,
                          gshell_error **error);

/* Answers one request. `request` and `message` are freed by the library when the handler returns. It must not throw, and
 * not leave by longjmp. */
typedef void (*gshell_handler)(gshell_request *request, gshell_message *message, void *user);

enum {
    GSHELL_ON_THREADS = 1, /* the handler runs on a thread of its own for each request (64 at most) and may wait */
    GSHELL_ON_STREAM = 2,  /* the handler receives on the stream of the request; see gshell_request_recv */
    GSHELL_ON_HIGH = 4,    /* these requests come before others */
    GSHELL_ON_LOW = 8      /* these requests come after others */
};

/* Adds the handler of a declared message type. `replies` are the names of the types that it answers with, with commas
 * between them, or NULL: clients learn these types from it.
 *
 * Without GSHELL_ON_THREADS the handler is called on the thread that serves, one at a time, and whatever it does there
 * keeps all other clients waiting. A request that takes long is kept (gshell_request_keep) and answered later by
 * another thread, or has GSHELL_ON_THREADS: then several threads call the handler at the same time. */
int gshell_server_on(gshell_server *server, const char *name, const char *replies, unsigned flags,
                     gshell_handler handler, void *user, gshell_error **error);

/* Publishes in these scopes; GSHELL_OS if nothing is said, 0 for none (with a TCP address). */
int gshell_server_scopes(gshell_server *server, unsigned scopes, gshell_error **error);

/* Listens on a TCP address as well, such as "0.0.0.0:4711"; port 0 takes a free one. Whoever reaches it may call: there is
 * no encryption and no check of who it is. */
int gshell_server_tcp(gshell_server *server, const char *address, gshell_error **error);

/* The TCP port of a server that runs; 0 when it has none. */
unsigned gshell_server_port(gshell_server *server);

/* Publishes the service and serves on this thread until gshell_server_stop, which may have come before. When it returns, no
 * handler runs any more. A server runs once. GSHELL_EXISTS when somebody publishes that name already. */
int gshell_server_run(gshell_server *server, gshell_error **error);

/* The same on a thread of its own; the service is published when this returns. */
int gshell_server_start(gshell_server *server, gshell_error **error);

/* Stops the server: no new requests, handlers have 2 s to answer, then connections end. Does not wait for it. May be called
 * by any thread, by a handler and by a signal handler. GSHELL_INVALID for no server. */
int gshell_server_stop(gshell_server *server);

/* Waits until the thread that gshell_server_start began has ended. */
int gshell_server_wait(gshell_server *server, gshell_error **error);

/* Stops the server, waits for its thread if it has one, and frees it. Not for handlers; and a server that another thread
 * runs is to be stopped before. */
void gshell_server_free(gshell_server *server);

/* --- Requests: for handlers, and for threads that answer what a handler kept --------------------------------------- */

/* A message of a type that the server declared, to answer with. Free with gshell_message_free. */
gshell_message *gshell_request_message(gshell_request *request, const char *name, gshell_error **error);

/* Answers the request; once, and the last thing that is sent for it. The message still belongs to the caller. */
int gshell_reply(gshell_request *request, gshell_message *message, gshell_error **error);

/* Answers with an error: a code above 0 and a text. */
int gshell_reply_error(gshell_request *request, int code, const char *text, gshell_error **error);

/* Sends a message on the stream of the request, before an answer or without one. Up to 64 messages wait while the client
 * does not read; then this waits, or on the thread that serves fails with GSHELL_BUSY. */
int gshell_request_send(gshell_request *request, gshell_message *message, int timeout_ms, gshell_error **error);

/* The next message that the client sends on the stream; GSHELL_END when it sends no more. For handlers with GSHELL_ON_STREAM
 * and GSHELL_ON_THREADS, and for kept requests of handlers with GSHELL_ON_STREAM. */
int gshell_request_recv(gshell_request *request, int timeout_ms, gshell_message **message, gshell_error **error);

/* Says that this side sends no more on the stream. */
int gshell_request_end(gshell_request *request, gshell_error **error);

/* Keeps the request beyond its handler: it is then to be freed with gshell_request_free. A request that is freed, or whose
 * handler returns, without an answer is one whose stream was used; if it was not, the client gets an error. */
int gshell_request_keep(gshell_request *request, gshell_error **error);

/* Ends a kept request. */
void gshell_request_free(gshell_request *request);

/* 1 when nobody waits for the answer any more: the client is gone or gave up. Handlers that take long ask now and then. */
int gshell_request_cancelled(gshell_request *request);

/* Milliseconds until nobody waits any more; -1 when there is no limit. */
int gshell_request_left(gshell_request *request);

/* Who sent it, such as "pid 12 uid 0" or "10.0.0.1:4711"; stays until the request is freed. */
const char *gshell_request_peer(gshell_request *request, gshell_error **error);

#ifdef __cplusplus
}
#endif

#endif
