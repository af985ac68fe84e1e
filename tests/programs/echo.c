/* Prints its arguments; with --name what it was called by, with --status N it ends with that status. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "--name") == 0) return puts(argv[0]) < 0;
    if (argc == 3 && strcmp(argv[1], "--status") == 0) return atoi(argv[2]);
    for (int at = 1; at < argc; at++) printf("%s%s", argv[at], at + 1 < argc ? " " : "");
    return printf("\n") < 0;
}
