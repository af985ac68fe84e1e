/* Messages field by field, and handles that are none. Needs no service. */
#include "check.h"

#include <math.h>

#define SHAPE                                                                                       \
    "{ flag: bool, small: i8, big: i64, count: u64, ratio: f64, name: string, data: bytes, nums: [i32], " \
    "note: string?, jobs: [{ name: string, prio: u8? }], env: map<string, i32>, ids: map<u16, string>, "   \
    "pair: (i32, string), state: Off | On(i32) | Named { num: i32 } }"

static void fill(gshell_message *m) {
    WORKS(gshell_set_bool(m, "flag", 7, &error));
    WORKS(gshell_set_int(m, "small", -128, &error));
    WORKS(gshell_set_int(m, "big", INT64_MIN, &error));
    WORKS(gshell_set_uint(m, "count", UINT64_MAX, &error));
    WORKS(gshell_set_double(m, "ratio", 0.5, &error));
    WORKS(gshell_set_string(m, "name", "n\xc3\xa4me", &error));
    WORKS(gshell_set_bytes(m, "data", "\0\1\2", 3, &error));
    WORKS(gshell_set_int(m, "nums.+", 1, &error));
    WORKS(gshell_set_int(m, "nums.+", 2, &error));
    WORKS(gshell_set_int(m, "nums.1", 10, &error));
    WORKS(gshell_set_string(m, "jobs.+.name", "first", &error));
    WORKS(gshell_set_int(m, "jobs.-.prio", 3, &error));
    WORKS(gshell_set_string(m, "jobs.+.name", "second", &error));
    WORKS(gshell_set_int(m, "env.PATH", 4, &error));
    WORKS(gshell_set_string(m, "ids.77", "seventy-seven", &error));
    WORKS(gshell_set_int(m, "pair.1", 5, &error));
    WORKS(gshell_set_string(m, "pair.2", "five", &error));
    WORKS(gshell_set_int(m, "state.Named.num", 9, &error));
}

static void check(gshell_message *m) {
    int flag, kind;
    int64_t i;
    uint64_t u;
    double d;
    size_t n;
    const char *text;
    const void *bytes;

    WORKS(gshell_get_bool(m, "flag", &flag, &error));
    CHECK(flag == 1);
    WORKS(gshell_get_int(m, "small", &i, &error));
    CHECK(i == -128);
    WORKS(gshell_get_int(m, "big", &i, &error));
    CHECK(i == INT64_MIN);
    WORKS(gshell_get_uint(m, "count", &u, &error));
    CHECK(u == UINT64_MAX);
    FAILS(GSHELL_INVALID, "count is no whole number of 64 bits with a sign", gshell_get_int(m, "count", &i, &error));
    WORKS(gshell_get_double(m, "ratio", &d, &error));
    CHECK(fabs(d - 0.5) < 1e-9);
    WORKS(gshell_get_string(m, "name", &text, &n, &error));
    CHECK(n == 5 && strcmp(text, "n\xc3\xa4me") == 0);
    WORKS(gshell_get_bytes(m, "data", &bytes, &n, &error));
    CHECK(n == 3 && memcmp(bytes, "\0\1\2", 3) == 0);
    WORKS(gshell_get_count(m, "nums", &n, &error));
    CHECK(n == 2);
    WORKS(gshell_get_int(m, "nums.1", &i, &error));
    CHECK(i == 10);
    WORKS(gshell_get_int(m, "nums.-", &i, &error));
    CHECK(i == 2);
    FAILS(GSHELL_NOT_FOUND, "nums.3 is not set", gshell_get_int(m, "nums.3", &i, &error));
    WORKS(gshell_get_kind(m, "note", &kind, &error));
    CHECK(kind == GSHELL_KIND_NONE);
    WORKS(gshell_get_string(m, "jobs.2.name", &text, NULL, &error));
    CHECK(strcmp(text, "second") == 0);
    WORKS(gshell_get_uint(m, "jobs.1.prio", &u, &error));
    CHECK(u == 3);
    WORKS(gshell_get_kind(m, "jobs.2.prio", &kind, &error));
    CHECK(kind == GSHELL_KIND_NONE);
    WORKS(gshell_get_part(m, "env", 1, &text, &error));
    CHECK(strcmp(text, "PATH") == 0);
    WORKS(gshell_get_int(m, "env.PATH", &i, &error));
    CHECK(i == 4);
    WORKS(gshell_get_string(m, "ids.77", &text, NULL, &error));
    CHECK(strcmp(text, "seventy-seven") == 0);
    WORKS(gshell_get_string(m, "pair.2", &text, NULL, &error));
    CHECK(strcmp(text, "five") == 0);
    WORKS(gshell_get_string(m, "state", &text, NULL, &error));
    CHECK(strcmp(text, "Named") == 0);
    WORKS(gshell_get_int(m, "state.Named.num", &i, &error));
    CHECK(i == 9);
    WORKS(gshell_get_kind(m, "state", &kind, &error));
    CHECK(kind == GSHELL_KIND_ENUM);
}

static void mistakes(gshell_message *m) {
    int64_t i;
    FAILS(GSHELL_INVALID, "there is no field \"whoo\"; there are: flag, small", gshell_set_int(m, "whoo", 1, &error));
    FAILS(GSHELL_INVALID, "small: 128 does not fit i8", gshell_set_int(m, "small", 128, &error));
    FAILS(GSHELL_INVALID, "small: expected number, got string", gshell_set_string(m, "small", "1", &error));
    FAILS(GSHELL_INVALID, "a string has no part \"x\"", gshell_set_int(m, "name.x", 1, &error));
    FAILS(GSHELL_INVALID, "the list has 2 entries", gshell_set_int(m, "nums.5", 1, &error));
    FAILS(GSHELL_INVALID, "is no entry", gshell_set_int(m, "nums.0", 1, &error));
    FAILS(GSHELL_INVALID, "no variant \"Of\"", gshell_set_int(m, "state.Of", 1, &error));
    FAILS(GSHELL_INVALID, "a bool is never empty", gshell_set_empty(m, "flag", &error));
    FAILS(GSHELL_INVALID, "path is NULL", gshell_set_int(m, NULL, 1, &error));
    FAILS(GSHELL_INVALID, "path is not UTF-8", gshell_set_int(m, "\xff", 1, &error));
    FAILS(GSHELL_INVALID, "value is NULL", gshell_set_string(m, "name", NULL, &error));
    FAILS(GSHELL_INVALID, "NULL are no 3 bytes", gshell_set_bytes(m, "data", NULL, 3, &error));
    FAILS(GSHELL_INVALID, "the place for the value is NULL", gshell_get_int(m, "big", NULL, &error));
    FAILS(GSHELL_INVALID, "name is no whole number", gshell_get_int(m, "name", &i, &error));
    CHECK(gshell_set_int(m, "whoo", 1, NULL) == GSHELL_INVALID); /* nobody wants the error */
}

static void handles(void) {
    gshell_message *m = gshell_message_declared("a.B", "{ x: i32 }", &error), *other;
    gshell_error *first;
    int64_t i;
    CHECK(m != NULL);
    FAILS(GSHELL_INVALID, "this is a message, not a connection", gshell_call((gshell_conn *)m, m, 0, NULL, &error));
    FAILS(GSHELL_INVALID, "NULL is no connection", gshell_call(NULL, m, 0, NULL, &error));
    CHECK(gshell_fd(NULL) == -1);
    CHECK(gshell_server_stop((gshell_server *)m) == GSHELL_INVALID);
    gshell_close((gshell_conn *)m); /* of another kind: stays */
    WORKS(gshell_set_int(m, "x", 1, &error));
    gshell_message_free(m);
    FAILS(GSHELL_INVALID, "this message was freed before", gshell_get_int(m, "x", &i, &error));
    other = gshell_message_declared("a.B", "{ x: i32 }", &error);
    CHECK(other != NULL && other != m);
    FAILS(GSHELL_INVALID, "this message was freed before", gshell_get_int(m, "x", &i, &error));
    gshell_message_free(m); /* twice, and NULL */
    gshell_message_free(NULL);
    gshell_message_free(other);
    CHECK(gshell_get_int((gshell_message *)&i, "x", &i, &first) == GSHELL_INVALID); /* any pointer */
    gshell_error_free(first);
    gshell_error_free(first); /* twice */
    gshell_error_free(NULL);
    NOTHING(GSHELL_INVALID, "there is no type \"strng\"", gshell_message_declared("a.B", "{ x: strng }", &error));
}

static void bytes(void) {
    gshell_message *m = gshell_message_declared("a.B", "{ x: i32, list: [i32] }", &error), *copy, *raw;
    const void *data, *again;
    size_t len;
    uint64_t key, same;
    int64_t i;
    const char *text;
    CHECK(m != NULL);
    WORKS(gshell_set_int(m, "x", -3, &error));
    FAILS(GSHELL_BAD_MESSAGE, "a.B: list: is missing", gshell_message_bytes(m, &data, &len, &error));
    WORKS(gshell_set_empty(m, "list", &error));
    WORKS(gshell_message_bytes(m, &data, &len, &error));
    CHECK(len == 2 && memcmp(data, "\5\0", 2) == 0);
    WORKS(gshell_get_int(m, "x", &i, &error));
    WORKS(gshell_message_bytes(m, &again, &len, &error));
    CHECK(again == data);
    copy = gshell_message_copy(m, &error);
    WORKS(gshell_set_int(copy, "x", 5, &error));
    WORKS(gshell_get_int(m, "x", &i, &error));
    CHECK(i == -3);
    WORKS(gshell_message_key(m, &key, &error));
    WORKS(gshell_key("a.B", "{ x: i32, list: [i32] }", &same, &error));
    CHECK(key == same);
    CHECK(strcmp(gshell_message_name(m, &error), "a.B") == 0);
    CHECK(strcmp(gshell_message_text(m, &error), "{ x: -3, list: [] }") == 0);
    raw = gshell_message_raw(key, NULL, "\5\0", 2, &error);
    CHECK(raw != NULL);
    FAILS(GSHELL_INVALID, "declare its type", gshell_get_int(raw, "x", &i, &error));
    text = gshell_message_text(raw, &error);
    CHECK(text != NULL && strcmp(text, "(2 bytes)") == 0);
    gshell_message_free(raw);
    gshell_message_free(copy);
    gshell_message_free(m);
}

int main(void) {
    gshell_message *m;
    CHECK(gshell_abi() == GSHELL_ABI);
    CHECK(strcmp(gshell_code_name(GSHELL_NOT_FOUND), "NotFound") == 0);
    CHECK(strcmp(gshell_code_name(-7), "Unknown") == 0);
    m = gshell_message_declared("test.All", SHAPE, &error);
    CHECK(m != NULL && error == NULL);
    fill(m);
    check(m);
    mistakes(m);
    check(m);
    WORKS(gshell_set_string(m, "state", "Off", &error));
    WORKS(gshell_set_empty(m, "jobs", &error));
    gshell_message_free(m);
    handles();
    bytes();
    CHECK(gshell_objects() == 0);
    puts("fields: well");
    return 0;
}
