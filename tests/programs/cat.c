/* Copies its input to its output. */
#include <unistd.h>

int main(void) {
    char bytes[4096];
    ssize_t count;
    while ((count = read(0, bytes, sizeof bytes)) > 0) {
        for (ssize_t at = 0; at < count;) {
            ssize_t written = write(1, bytes + at, (size_t)(count - at));
            if (written < 0) return 1;
            at += written;
        }
    }
    return count < 0;
}
