/* Checks that end the program with the place and the library's error. */
#ifndef CHECK_H
#define CHECK_H

#include <gshell.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static gshell_error *error;

#define CHECK(condition)                                                                            \
    do {                                                                                            \
        if (!(condition)) {                                                                         \
            fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #condition,                      \
                    error ? error->message : "no error");                                           \
            exit(1);                                                                                \
        }                                                                                           \
    } while (0)

/* It works, and there is no error. */
#define WORKS(call) CHECK((call) == GSHELL_OK && error == NULL)

/* It fails with this code, and the message has this text in it. */
#define FAILS(code_, text, call)                                                                    \
    do {                                                                                            \
        int result_ = (call);                                                                       \
        if (result_ != (code_) || error == NULL || error->code != (code_) ||                        \
            strstr(error->message, (text)) == NULL) {                                               \
            fprintf(stderr, "%s:%d: %s: %d, %s\n", __FILE__, __LINE__, #call, result_,              \
                    error ? error->message : "no error");                                           \
            exit(1);                                                                                \
        }                                                                                           \
        gshell_error_free(error);                                                                   \
        error = NULL;                                                                               \
    } while (0)

/* As FAILS, for what gives an object. */
#define NOTHING(code_, text, call) FAILS(code_, text, (call) == NULL && error ? error->code : 0)

#endif
