/* Two processes that sleep for a thousand seconds: a child and this one, both called "sleep". */
#include <sys/prctl.h>
#include <unistd.h>

int main(void) {
    if (fork() < 0) return 1;
    prctl(PR_SET_NAME, "sleep", 0, 0, 0);
    return sleep(1000) != 0;
}
