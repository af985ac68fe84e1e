/* Round trips a second of 32 bytes between two processes on one CPU, blocking, over a unix socket pair: what this
   machine's kernel allows at most. Prints the number. An argument is the number of round trips. */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 100000, SIZE = 32 };

static void answer(int fd)
{
	char buffer[SIZE];
	while (read(fd, buffer, SIZE) == SIZE && write(fd, buffer, SIZE) == SIZE)
		continue;
	_exit(0);
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : ROUNDS;
	int ends[2];
	char buffer[SIZE] = { 0 };
	struct timespec start, end;
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof one, &one);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
		return 1;
	if (fork() == 0) {
		close(ends[0]);
		answer(ends[1]);
	}
	close(ends[1]);
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (int round = 0; round < rounds; round++) {
		if (write(ends[0], buffer, SIZE) != SIZE || read(ends[0], buffer, SIZE) != SIZE)
			return 1;
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	close(ends[0]);
	wait(NULL);
	printf("%f\n", rounds / (end.tv_sec - start.tv_sec + (end.tv_nsec - start.tv_nsec) / 1e9));
	return 0;
}
