/* A service with handlers of all kinds, and a client of it in the same process. */
#include "check.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

static gshell_server *server;
static gshell_request *kept;
static volatile int finished;

/* Answers with twice the number, or with an error below zero. */
static void on_double(gshell_request *request, gshell_message *message, void *user) {
    int64_t num;
    gshell_message *reply;
    CHECK(strcmp(user, "user") == 0);
    WORKS(gshell_get_int(message, "num", &num, &error));
    if (num < 0) {
        WORKS(gshell_reply_error(request, GSHELL_INVALID, "below zero", &error));
        FAILS(GSHELL_STATE, "answered before", gshell_reply_error(request, 1, "again", &error));
        return;
    }
    reply = gshell_request_message(request, "test.Number", &error);
    WORKS(gshell_set_int(reply, "num", 2 * num, &error));
    WORKS(gshell_reply(request, reply, &error));
    gshell_message_free(reply);
}

/* Gives no answer at all. */
static void on_nothing(gshell_request *request, gshell_message *message, void *user) {
    (void)request, (void)message, (void)user;
}

/* Sends so many numbers on the stream, and ends it. */
static void on_count(gshell_request *request, gshell_message *message, void *user) {
    int64_t to, i;
    gshell_message *number = gshell_request_message(request, "test.Number", &error);
    (void)user;
    WORKS(gshell_get_int(message, "to", &to, &error));
    for (i = 1; i <= to; i++) {
        WORKS(gshell_set_int(number, "num", i, &error));
        WORKS(gshell_request_send(request, number, 5000, &error));
    }
    WORKS(gshell_request_end(request, &error));
    gshell_message_free(number);
}

/* Adds what comes until the end, on a thread of its own. */
static void on_sum(gshell_request *request, gshell_message *message, void *user) {
    gshell_error *own = NULL;
    gshell_message *next = NULL;
    int64_t sum = 0, num;
    int result;
    (void)message, (void)user;
    while ((result = gshell_request_recv(request, 5000, &next, &own)) == GSHELL_OK) {
        gshell_get_int(next, "num", &num, NULL);
        gshell_message_free(next);
        sum += num;
    }
    if (result == GSHELL_END) {
        next = gshell_request_message(request, "test.Number", NULL);
        gshell_set_int(next, "num", sum, NULL);
        result = gshell_request_send(request, next, 5000, &own);
        gshell_message_free(next);
    }
    if (own != NULL) fprintf(stderr, "on_sum: %s\n", own->message);
    gshell_error_free(own);
}

/* Waits until nobody waits for it any more. */
static void on_wait(gshell_request *request, gshell_message *message, void *user) {
    int i;
    (void)message, (void)user;
    for (i = 0; i < 500 && !gshell_request_cancelled(request); i++) usleep(10000);
    finished = gshell_request_cancelled(request) ? 1 : 2;
}

/* Answered later, by another thread. */
static void on_later(gshell_request *request, gshell_message *message, void *user) {
    (void)message, (void)user;
    FAILS(GSHELL_STATE, "was not added as one that uses the stream",
          gshell_request_recv(request, 0, &message, &error));
    WORKS(gshell_request_keep(request, &error));
    kept = request;
}

static void *answer_later(void *unused) {
    gshell_message *reply = gshell_request_message(kept, "test.Number", NULL);
    usleep(50000);
    gshell_set_int(reply, "num", gshell_request_left(kept) > 0 ? 77 : 0, NULL);
    gshell_reply(kept, reply, NULL);
    gshell_message_free(reply);
    gshell_request_free(kept);
    return unused;
}

static void on_later_thread(gshell_request *request, gshell_message *message, void *user) {
    pthread_t thread;
    on_later(request, message, user);
    pthread_create(&thread, NULL, answer_later, NULL);
    pthread_detach(thread);
}

static gshell_message *number(gshell_conn *conn, const char *name, int64_t num) {
    gshell_message *m = gshell_message_new(conn, name, &error);
    CHECK(m != NULL);
    WORKS(gshell_set_int(m, "num", num, &error));
    return m;
}

static int64_t num_of(gshell_message *m) {
    int64_t num;
    CHECK(strcmp(gshell_message_name(m, &error), "test.Number") == 0);
    WORKS(gshell_get_int(m, "num", &num, &error));
    gshell_message_free(m);
    return num;
}

static void calls(gshell_conn *conn) {
    gshell_message *request = number(conn, "test.Double", 21), *reply = NULL, *own;
    const void *data;
    size_t len;
    uint64_t key;

    WORKS(gshell_call(conn, request, 5000, &reply, &error));
    CHECK(num_of(reply) == 42);
    WORKS(gshell_call(conn, request, -1, NULL, &error)); /* the reply is not wanted */
    WORKS(gshell_set_int(request, "num", -1, &error));
    FAILS(GSHELL_INVALID, "below zero", gshell_call(conn, request, 5000, &reply, &error));
    CHECK(reply == NULL);

    /* as bytes */
    WORKS(gshell_message_key(request, &key, &error));
    own = gshell_message_raw(key, "test.Double", "\x0a", 1, &error);
    WORKS(gshell_call(conn, own, 5000, &reply, &error));
    WORKS(gshell_message_bytes(reply, &data, &len, &error));
    CHECK(len == 1 && memcmp(data, "\x14", 1) == 0);
    gshell_message_free(reply);
    gshell_message_free(own);
    own = gshell_message_from_bytes(conn, "test.Double", "\x0a", 1, &error);
    WORKS(gshell_call(conn, own, 5000, &reply, &error));
    CHECK(num_of(reply) == 10);
    gshell_message_free(own);
    NOTHING(GSHELL_BAD_MESSAGE, "does not read", gshell_message_from_bytes(conn, "test.Double", "", 0, &error));

    /* what the service does not have */
    NOTHING(GSHELL_NOT_FOUND, "no message test.Dubble; there are:", gshell_message_new(conn, "test.Dubble", &error));
    WORKS(gshell_declare(conn, "test.Nothing", "{ num: string }", &error));
    own = gshell_message_new(conn, "test.Nothing", &error);
    WORKS(gshell_set_string(own, "num", "x", &error));
    FAILS(GSHELL_UNKNOWN_MESSAGE, "test.Nothing differs: the service has num: i32, this side has num: string",
          gshell_call(conn, own, 5000, &reply, &error));
    gshell_message_free(own);
    gshell_message_free(request);

    request = gshell_message_declared("test.Nothing", "{ num: i32 }", &error);
    WORKS(gshell_set_int(request, "num", 0, &error));
    FAILS(GSHELL_INTERNAL, "the handler of test.Nothing gave no answer",
          gshell_call(conn, request, 5000, NULL, &error));
    gshell_message_free(request);

    request = number(conn, "test.Later", 0);
    WORKS(gshell_call(conn, request, 5000, &reply, &error));
    CHECK(num_of(reply) == 77);
    gshell_message_free(request);

    request = number(conn, "test.Wait", 0);
    FAILS(GSHELL_TIMEOUT, "test.Wait", gshell_call(conn, request, 50, &reply, &error));
    gshell_message_free(request);
}

static void streams(gshell_conn *conn) {
    gshell_stream *counting = gshell_stream_open(conn, &error), *summing;
    gshell_message *m = gshell_message_new(conn, "test.Count", &error);
    gshell_message *received;
    struct pollfd pollfd;
    int ready, i;

    CHECK(counting != NULL && m != NULL);
    FAILS(GSHELL_TIMEOUT, "no message within 0 ms", gshell_stream_recv(counting, 0, &received, &error));
    CHECK(received == NULL);
    WORKS(gshell_set_int(m, "to", 40, &error));
    WORKS(gshell_stream_send(counting, m, 5000, &error));
    gshell_message_free(m);

    pollfd.fd = gshell_fd(conn);
    pollfd.events = POLLIN;
    CHECK(poll(&pollfd, 1, 5000) == 1);
    WORKS(gshell_poll(conn, 5000, &ready, &error));
    CHECK(ready == 1);

    /* another stream meanwhile */
    summing = gshell_stream_open(conn, &error);
    m = number(conn, "test.Sum", 0);
    WORKS(gshell_stream_send(summing, m, 5000, &error));
    gshell_message_free(m);
    m = number(conn, "test.Number", 5);
    for (i = 0; i < 100; i++) WORKS(gshell_stream_send(summing, m, 5000, &error));
    gshell_message_free(m);
    WORKS(gshell_stream_end(summing, &error));
    WORKS(gshell_stream_recv(summing, 5000, &m, &error));
    CHECK(num_of(m) == 500);
    CHECK(gshell_stream_recv(summing, 5000, &m, &error) == GSHELL_END && m == NULL && error == NULL);
    gshell_stream_close(summing);

    for (i = 1; i <= 40; i++) {
        WORKS(gshell_stream_recv(counting, 5000, &m, &error));
        CHECK(num_of(m) == i);
    }
    CHECK(gshell_stream_recv(counting, 5000, &m, &error) == GSHELL_END);
    WORKS(gshell_poll(conn, 0, &ready, &error));
    CHECK(ready == 0);
    gshell_stream_close(counting);
    FAILS(GSHELL_INVALID, "this stream was freed before", gshell_stream_recv(counting, 0, &m, &error));
}

static void found(const gshell_found *service, void *user) {
    CHECK(strcmp(service->publisher, "test") == 0 && service->scope == GSHELL_OS);
    ++*(int *)user;
}

static void other_server(void) {
    gshell_server *second = gshell_server_new("test", "all", &error);
    CHECK(second != NULL);
    FAILS(GSHELL_EXISTS, "test/all", gshell_server_run(second, &error));
    FAILS(GSHELL_STATE, "ran already", gshell_server_start(second, &error));
    gshell_server_free(second);
    NOTHING(GSHELL_INVALID, "", gshell_server_new("no_such", "all", &error));
    second = gshell_server_new("test", "more", &error);
    FAILS(GSHELL_NOT_FOUND, "no message x.Y is declared", gshell_server_on(second, "x.Y", NULL, 0, on_nothing, NULL, &error));
    WORKS(gshell_server_declare(second, "x.Y", "{}", NULL, &error));
    FAILS(GSHELL_EXISTS, "x.Y", gshell_server_declare(second, "x.Y", "{}", NULL, &error));
    FAILS(GSHELL_INVALID, "the callback is NULL", gshell_server_on(second, "x.Y", NULL, 0, NULL, NULL, &error));
    FAILS(GSHELL_INVALID, "flags", gshell_server_on(second, "x.Y", NULL, 64, on_nothing, NULL, &error));
    FAILS(GSHELL_INVALID, "no address", gshell_server_tcp(second, "localhost", &error));
    CHECK(gshell_server_stop(second) == GSHELL_OK); /* before it runs: it ends at once */
    WORKS(gshell_server_run(second, &error));
    gshell_server_free(second);
}

static void on_alarm(int number) {
    (void)number;
    gshell_server_stop(server);
}

int main(void) {
    gshell_conn *conn, *tcp;
    gshell_message *reply, *request;
    char address[64];
    int i, count = 0;

    server = gshell_server_new("test", "all", &error);
    CHECK(server != NULL);
    WORKS(gshell_server_declare(server, "test.Number", "{ num: i32 }", "A number.", &error));
    WORKS(gshell_server_declare(server, "test.Double", "{ num: i32 }", NULL, &error));
    WORKS(gshell_server_declare(server, "test.Nothing", "{ num: i32 }", NULL, &error));
    WORKS(gshell_server_declare(server, "test.Count", "{ to: i32 }", NULL, &error));
    WORKS(gshell_server_declare(server, "test.Sum", "{ num: i32 }", NULL, &error));
    WORKS(gshell_server_declare(server, "test.Wait", "{ num: i32 }", NULL, &error));
    WORKS(gshell_server_declare(server, "test.Later", "{ num: i32 }", NULL, &error));
    WORKS(gshell_server_on(server, "test.Double", "test.Number", GSHELL_ON_HIGH, on_double, "user", &error));
    WORKS(gshell_server_on(server, "test.Nothing", NULL, 0, on_nothing, NULL, &error));
    WORKS(gshell_server_on(server, "test.Count", "test.Number", 0, on_count, NULL, &error));
    WORKS(gshell_server_on(server, "test.Sum", "test.Number", GSHELL_ON_STREAM | GSHELL_ON_THREADS, on_sum, NULL, &error));
    WORKS(gshell_server_on(server, "test.Wait", NULL, GSHELL_ON_THREADS | GSHELL_ON_LOW, on_wait, NULL, &error));
    WORKS(gshell_server_on(server, "test.Later", "test.Number", 0, on_later_thread, NULL, &error));
    WORKS(gshell_server_tcp(server, "127.0.0.1:0", &error));
    WORKS(gshell_server_start(server, &error));

    conn = gshell_discover("test", "all", 5000, 0, &error);
    CHECK(conn != NULL);
    calls(conn);
    streams(conn);
    for (i = 0; i < 500 && !finished; i++) usleep(10000);
    CHECK(finished == 1); /* the service was told that nobody waits */

    snprintf(address, sizeof address, "tcp:127.0.0.1:%u", gshell_server_port(server));
    tcp = gshell_connect(address, 5000, &error);
    CHECK(tcp != NULL);
    calls(tcp);
    WORKS(gshell_list("t*", "*", 0, GSHELL_OS, found, &count, &error));
    CHECK(count == 1);
    other_server();

    /* stopped by a signal handler; clients that were there get an error and no signal */
    signal(SIGALRM, on_alarm);
    alarm(1);
    WORKS(gshell_server_wait(server, &error));
    request = number(conn, "test.Double", 1);
    for (i = 0; i < 3; i++) {
        CHECK(gshell_call(conn, request, 5000, &reply, &error) != GSHELL_OK && error != NULL);
        gshell_error_free(error);
        error = NULL;
    }
    gshell_message_free(request);
    NOTHING(GSHELL_NOT_FOUND, "service not found: test/all", gshell_discover("test", "all", 0, 0, &error));
    gshell_close(conn);
    gshell_close(tcp);
    gshell_server_free(server);
    CHECK(gshell_objects() == 0);
    puts("service: well");
    return 0;
}
