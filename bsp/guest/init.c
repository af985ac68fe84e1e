/*
 * The first process of a guest that ci/boot starts: mounts what programs expect, loads the modules that are listed, reaps
 * every orphan, and does what it is told on the console, a line a command. It powers off at the end.
 *
 * To it:       ID run TAB WORD...        starts a program; several may run at a time
 *              ID kill TAB PID TAB N     sends a signal to a process
 *              ID net TAB ADDRESS TAB MASK  brings the first network card up
 *              ID off                    ends everything and powers off
 * From it:     @gs ID KIND LENGTH TEXT   o: a line of output, e: of errors, p and q: the begin of one that is too long,
 *                                        x: ended with this status, n: what the host has to know
 * LENGTH is that of TEXT, so that a line which the kernel wrote into is noticed.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum { JOBS = 32, LINE = 4096, WORDS = 64 };

/* One of the two outputs of a program. */
struct output {
    int fd; /* -1: closed */
    size_t used;
    char line[LINE];
};

struct job {
    int id; /* 0: free */
    pid_t pid; /* 0: has ended */
    struct output out, err;
};

static struct job jobs[JOBS];
static unsigned reaped, failures;

static void write_all(const char *text, size_t length)
{
    while (length) {
        ssize_t n = write(1, text, length);
        if (n < 0 && errno != EINTR && errno != EAGAIN)
            return;
        if (n > 0)
            text += n, length -= n;
    }
}

static void say(int id, char kind, const char *text, size_t length)
{
    char head[64];
    int n = snprintf(head, sizeof head, "@gs %d %c %zu ", id, kind, length);
    write_all(head, n);
    write_all(text, length);
    write_all("\n", 1);
}

__attribute__((format(printf, 3, 4))) static void sayf(int id, char kind, const char *format, ...)
{
    char text[512];
    va_list list;
    va_start(list, format);
    int n = vsnprintf(text, sizeof text, format, list);
    va_end(list);
    say(id, kind, text, n < (int)sizeof text ? n : (int)sizeof text - 1);
}

/* Something that should have worked at the start; the host counts them. */
static void failed(const char *what, const char *on)
{
    int error = errno;
    failures++;
    sayf(0, 'n', "failed %s %s: %s", what, on, strerror(error));
}

static void mount_on(const char *type, const char *place, const char *options)
{
    mkdir(place, 0755);
    if (mount(type, place, type, 0, options) < 0 && errno != EBUSY)
        failed("mount", place);
}

static void load_modules(void)
{
    FILE *list = fopen("/etc/modules", "re");
    char path[256];
    while (list && fgets(path, sizeof path, list)) {
        path[strcspn(path, "\n")] = 0;
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST))
            failed("insmod", path);
        if (fd >= 0)
            close(fd);
        unlink(path);
    }
    if (list)
        fclose(list);
}

static int change(int fd, unsigned long request, struct ifreq *card, const char *address)
{
    struct sockaddr_in at = { .sin_family = AF_INET };
    if (address && inet_pton(AF_INET, address, &at.sin_addr) != 1)
        return errno = EINVAL, -1;
    if (address)
        memcpy(&card->ifr_addr, &at, sizeof at);
    return ioctl(fd, request, card);
}

static int interface_up(const char *name, const char *address, const char *mask)
{
    struct ifreq card = { 0 };
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    snprintf(card.ifr_name, sizeof card.ifr_name, "%s", name);
    int bad = fd < 0 || (address && change(fd, SIOCSIFADDR, &card, address) < 0)
        || (mask && change(fd, SIOCSIFNETMASK, &card, mask) < 0) || ioctl(fd, SIOCGIFFLAGS, &card) < 0;
    card.ifr_flags |= IFF_UP | IFF_RUNNING;
    bad = bad || ioctl(fd, SIOCSIFFLAGS, &card) < 0;
    int error = errno;
    if (fd >= 0)
        close(fd);
    errno = error;
    return bad ? -1 : 0;
}

/* The first card that is a device, not a tunnel; drivers need a moment for theirs. */
static int card_up(int id, const char *address, const char *mask)
{
    for (int tries = 0; tries < 50; tries++, usleep(100000)) {
        DIR *folder = opendir("/sys/class/net");
        struct dirent *entry;
        while (folder && (entry = readdir(folder))) {
            char device[300];
            snprintf(device, sizeof device, "/sys/class/net/%s/device", entry->d_name);
            if (access(device, F_OK) == 0) {
                int done = interface_up(entry->d_name, address, mask);
                sayf(id, done < 0 ? 'e' : 'o', "%s: %s", entry->d_name, done < 0 ? strerror(errno) : "up");
                closedir(folder);
                return done < 0 ? 1 : 0;
            }
        }
        if (folder)
            closedir(folder);
    }
    sayf(id, 'e', "no network card was found");
    return 1;
}

static struct job *job_of(int id)
{
    for (struct job *job = jobs; job < jobs + JOBS; job++)
        if (job->id == id)
            return job;
    return NULL;
}

static int start(struct job *job, int id, char **words)
{
    int out[2], err[2];
    if (pipe2(out, O_CLOEXEC | O_NONBLOCK) < 0)
        return -1;
    if (pipe2(err, O_CLOEXEC | O_NONBLOCK) < 0)
        return close(out[0]), close(out[1]), -1;
    pid_t pid = fork();
    if (pid == 0) {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        setsid();
        int null = open("/dev/null", O_RDONLY);
        fcntl(out[1], F_SETFL, 0);
        fcntl(err[1], F_SETFL, 0);
        dup2(null, 0), dup2(out[1], 1), dup2(err[1], 2);
        if (null > 2)
            close(null);
        execvp(words[0], words);
        dprintf(2, "init: cannot execute %s: %s\n", words[0], strerror(errno));
        _exit(127);
    }
    close(out[1]), close(err[1]);
    if (pid < 0)
        return close(out[0]), close(err[0]), -1;
    job->id = id, job->pid = pid;
    job->out.fd = out[0], job->err.fd = err[0];
    job->out.used = job->err.used = 0;
    return 0;
}

/* Passes on whole lines; at the end also what is none. */
static void drain(int id, struct output *from, char line, char part)
{
    while (from->fd >= 0) {
        ssize_t n = read(from->fd, from->line + from->used, sizeof from->line - from->used);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            if (from->used)
                say(id, line, from->line, from->used);
            close(from->fd);
            from->fd = -1, from->used = 0;
            return;
        }
        from->used += n;
        char *end;
        while ((end = memchr(from->line, '\n', from->used))) {
            size_t length = end - from->line;
            say(id, line, from->line, length);
            from->used -= length + 1;
            memmove(from->line, end + 1, from->used);
        }
        if (from->used == sizeof from->line) {
            say(id, part, from->line, from->used);
            from->used = 0;
        }
    }
}

static void free_if_done(struct job *job)
{
    if (job->id && !job->pid && job->out.fd < 0 && job->err.fd < 0)
        job->id = 0;
}

/* Whether programs are left: sooner or later all of them are children of this process. */
static int reap(void)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        struct job *job = jobs;
        while (job < jobs + JOBS && !(job->id && job->pid == pid))
            job++;
        if (job == jobs + JOBS) {
            reaped++;
            continue;
        }
        drain(job->id, &job->out, 'o', 'p');
        drain(job->id, &job->err, 'e', 'q');
        sayf(job->id, 'x', "%d", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
        job->pid = 0;
        free_if_done(job);
    }
    return pid == 0;
}

static void power_off(int id)
{
    kill(-1, SIGTERM);
    int left = 1;
    for (int tries = 0; tries < 50 && (left = reap()); tries++)
        usleep(100000);
    if (left)
        kill(-1, SIGKILL);
    for (int tries = 0; tries < 20 && reap(); tries++)
        usleep(100000);
    sayf(id, 'o', "reaped %u orphans, %s", reaped, left ? "had to kill programs that SIGTERM did not end" : "all ended by SIGTERM");
    sayf(id, 'x', "0");
    sync();
    tcdrain(1);
    reboot(RB_POWER_OFF);
    reboot(RB_AUTOBOOT);
    for (;;)
        pause();
}

static void obey(char *line)
{
    char *words[WORDS], *rest = line, *word;
    int n = 0;
    while ((word = strsep(&rest, "\t")) && n < WORDS - 1)
        words[n++] = word;
    words[n] = NULL;
    char verb[16] = "";
    int id = 0, status = 0;
    if (sscanf(words[0], "%d %15s", &id, verb) != 2)
        return sayf(0, 'n', "failed command: not understood: %.60s", line);
    if (!strcmp(verb, "run") && n > 1) {
        struct job *job = job_of(0);
        if (job && start(job, id, words + 1) == 0)
            return;
        sayf(id, 'e', "init: cannot start a program: %s", job ? strerror(errno) : "too many of them run");
        status = 126;
    } else if (!strcmp(verb, "kill") && n == 3 && atoi(words[1]) > 1) {
        status = kill(atoi(words[1]), atoi(words[2])) == 0 ? 0 : 1;
    } else if (!strcmp(verb, "net") && n == 3) {
        status = card_up(id, words[1], words[2]);
    } else if (!strcmp(verb, "off")) {
        power_off(id);
    } else {
        sayf(id, 'e', "init: no command is called %s with %d words", verb, n - 1);
        status = 2;
    }
    sayf(id, 'x', "%d", status);
}

static void read_commands(void)
{
    static char line[LINE];
    static size_t used;
    char some[256];
    ssize_t n = read(0, some, sizeof some);
    for (ssize_t i = 0; i < n; i++) {
        if (some[i] != '\n') {
            if (used < sizeof line - 1)
                line[used++] = some[i];
            continue;
        }
        line[used] = 0;
        used = 0;
        obey(line);
    }
}

static void open_console(void)
{
    struct termios raw;
    int fd = open("/dev/console", O_RDWR);
    if (fd < 0)
        return;
    dup2(fd, 0), dup2(fd, 1), dup2(fd, 2);
    if (fd > 2)
        close(fd);
    if (tcgetattr(0, &raw) == 0) {
        cfmakeraw(&raw);
        tcsetattr(0, TCSANOW, &raw);
    }
    /* From here on only what is about to kill the kernel goes to the console. */
    klogctl(8, NULL, 1);
}

int main(void)
{
    static struct pollfd waits[2 + 2 * JOBS];
    struct utsname name;
    sigset_t children;
    mount_on("devtmpfs", "/dev", "mode=755");
    open_console();
    mount_on("proc", "/proc", NULL);
    mount_on("sysfs", "/sys", NULL);
    mount_on("devpts", "/dev/pts", "mode=620");
    mount_on("tmpfs", "/dev/shm", "mode=1777");
    mount_on("tmpfs", "/run", "mode=755");
    mount_on("tmpfs", "/tmp", "mode=1777");
    setenv("PATH", "/bin", 1);
    setenv("HOME", "/root", 1);
    load_modules();
    if (interface_up("lo", NULL, NULL) < 0)
        failed("start the network of", "this machine");
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    sigprocmask(SIG_BLOCK, &children, NULL);
    int ended = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
    uname(&name);
    sayf(0, 'n', "ready %u %s %s", failures, name.release, name.machine);
    for (;;) {
        nfds_t n = 2;
        waits[0] = (struct pollfd) { 0, POLLIN, 0 };
        waits[1] = (struct pollfd) { ended, POLLIN, 0 };
        for (struct job *job = jobs; job < jobs + JOBS; job++) {
            waits[n++] = (struct pollfd) { job->id ? job->out.fd : -1, POLLIN, 0 };
            waits[n++] = (struct pollfd) { job->id ? job->err.fd : -1, POLLIN, 0 };
        }
        if (poll(waits, n, -1) < 0)
            continue;
        for (struct job *job = jobs; job < jobs + JOBS; job++) {
            if (!job->id)
                continue;
            drain(job->id, &job->out, 'o', 'p');
            drain(job->id, &job->err, 'e', 'q');
            free_if_done(job);
        }
        if (waits[1].revents) {
            struct signalfd_siginfo info;
            while (read(ended, &info, sizeof info) > 0) { }
            reap();
        }
        if (waits[0].revents)
            read_commands();
    }
}
