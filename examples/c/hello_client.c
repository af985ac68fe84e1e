/* Asks the service example/hello, whichever language it is written in.
 *
 *   hello_client [WHO [ADDRESS]]      ADDRESS: tcp:HOST:PORT instead of discovery on this machine */
#include <gshell.h>

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    const char *who = argc > 1 ? argv[1] : "C client";
    gshell_error *error = NULL;
    gshell_conn *conn = NULL;
    gshell_message *request = NULL, *reply = NULL;
    const char *answer = NULL;
    int status = EXIT_FAILURE;

    conn = argc > 2 ? gshell_connect(argv[2], 5000, &error)
                    : gshell_discover("example", "hello", 5000, GSHELL_ALL, &error);
    if (conn == NULL) goto failed;

    /* The service says what its messages look like. */
    request = gshell_message_new(conn, "hello.Request", &error);
    if (request == NULL) goto failed;
    if (gshell_set_string(request, "who", who, &error) != GSHELL_OK ||
        gshell_set_string(request, "question", "who are you?", &error) != GSHELL_OK)
        goto failed;

    if (gshell_call(conn, request, 5000, &reply, &error) != GSHELL_OK) goto failed;
    if (gshell_get_string(reply, "answer", &answer, NULL, &error) != GSHELL_OK) goto failed;
    printf("%s\n", answer);
    status = EXIT_SUCCESS;

failed:
    if (error != NULL)
        fprintf(stderr, "hello_client: %s (%s)%s%s\n", error->message, gshell_code_name(error->code),
                error->cause ? ": " : "", error->cause ? error->cause : "");
    gshell_error_free(error);
    gshell_message_free(reply);
    gshell_message_free(request);
    gshell_close(conn);
    return status;
}
