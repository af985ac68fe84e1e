/* Sleeps for as many seconds as its argument says. */
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv) { return argc < 2 || sleep((unsigned)atoi(argv[1])) != 0; }
