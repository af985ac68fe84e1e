/* The service example/hello in C: answers hello.Request{who, question} with hello.Reply{answer}.
 *
 *   hello_server [ADDRESS]      ADDRESS: listen on TCP as well, such as 127.0.0.1:4711
 *
 * Ends on Ctrl-C. */
#include <gshell.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static gshell_server *server;

static void on_signal(int number) {
    (void)number;
    gshell_server_stop(server); /* the one function that a signal handler may call */
}

static void on_hello(gshell_request *request, gshell_message *message, void *user) {
    unsigned *count = user;
    const char *who = NULL;
    char answer[256];
    gshell_message *reply = NULL;
    gshell_error *error = NULL;

    if (gshell_get_string(message, "who", &who, NULL, &error) != GSHELL_OK) goto failed;
    if (who[0] == '\0') {
        gshell_reply_error(request, GSHELL_INVALID, "who are you?", NULL);
        return;
    }
    snprintf(answer, sizeof answer, "I am hello server, %s", who);
    reply = gshell_request_message(request, "hello.Reply", &error);
    if (reply == NULL) goto failed;
    if (gshell_set_string(reply, "answer", answer, &error) != GSHELL_OK) goto failed;
    if (gshell_reply(request, reply, &error) != GSHELL_OK) goto failed;
    gshell_message_free(reply);
    ++*count;
    return;

failed:
    fprintf(stderr, "hello_server: %s\n", error->message);
    gshell_reply_error(request, error->code, error->message, NULL);
    gshell_error_free(error);
    gshell_message_free(reply);
}

int main(int argc, char **argv) {
    gshell_error *error = NULL;
    unsigned count = 0;
    int status = EXIT_FAILURE;

    server = gshell_server_new("example", "hello", &error);
    if (server == NULL) goto failed;
    if (gshell_server_declare(server, "hello.Request", "{ who: string, question: string }",
                              "Asks the server something.", &error) != GSHELL_OK ||
        gshell_server_declare(server, "hello.Reply", "{ answer: string }", NULL, &error) != GSHELL_OK ||
        gshell_server_on(server, "hello.Request", "hello.Reply", 0, on_hello, &count, &error) != GSHELL_OK)
        goto failed;
    if (argc > 1 && gshell_server_tcp(server, argv[1], &error) != GSHELL_OK) goto failed;

    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    if (gshell_server_run(server, &error) != GSHELL_OK) goto failed;
    printf("%u requests answered\n", count);
    status = EXIT_SUCCESS;

failed:
    if (error != NULL)
        fprintf(stderr, "hello_server: %s%s%s\n", error->message, error->cause ? ": " : "",
                error->cause ? error->cause : "");
    gshell_error_free(error);
    gshell_server_free(server);
    return status;
}
