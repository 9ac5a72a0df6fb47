/* Work in a process of its own; see apart.h. */
#include "core/apart.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the child tells. */
typedef struct outcome {
    bool ended; /* by itself: the exit code may be a sanitizer's or another's, or nobody's */
    aed_status status;
    char message[1024];
} outcome;

/* Signals are to end the child, quietly: MPI's handlers would print where, as sanitizers and the C
 * library do. */
static void be_quiet(void)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGTRAP, SIGXCPU};
    const struct rlimit no_core = {0, 0};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) signal(signals[i], SIG_DFL);
    setrlimit(RLIMIT_CORE, &no_core);
    const int nowhere = open("/dev/null", O_WRONLY);
    if (nowhere >= 0) dup2(nowhere, STDERR_FILENO);
}

/* A damaged file may also lead a library in circles. The clock on the wall would not do: a slow disk is
 * no damage, nor is a process that is stopped for a while. Fails where there is a lower limit already. */
static void limit_time(int seconds)
{
    const struct rlimit limit = {(rlim_t)seconds, (rlim_t)seconds + 1};
    setrlimit(RLIMIT_CPU, &limit);
}

static _Noreturn void run_child(int seconds, aed_status (*work)(void *context), void *context,
                                outcome *told)
{
    be_quiet();
    limit_time(seconds);
    told->status = work(context);
    snprintf(told->message, sizeof told->message, "%s", aed_status_message());
    fflush(stdout);
    told->ended = true;
    _exit(0);
}

static aed_status judge(const char *path, int seconds, int state, const outcome *told)
{
    if (told->ended)
        return told->status == AED_OK ? AED_OK : aed_fail(told->status, "%s", told->message);
    if (WIFSIGNALED(state) && WTERMSIG(state) == SIGXCPU)
        return aed_fail(AED_DATA,
                        "%s: is damaged, reading it did not end within %d seconds of a "
                        "processor's time",
                        path, seconds);
    return aed_fail(AED_DATA, "%s: is damaged, reading it crashed (%s)", path,
                    WIFSIGNALED(state) ? strsignal(WTERMSIG(state)) : "with a report of its own");
}

aed_status aed_apart(const char *path, int seconds, aed_status (*work)(void *context),
                     void *context)
{
    aed_status status;
    int state = 0;
    outcome *told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                         0);
    if (told == MAP_FAILED) return aed_fail(AED_MEMORY, "%s: out of memory", path);
    fflush(stdout); /* or the child would print it again */
    const pid_t child = fork();
    if (child == 0) run_child(seconds, work, context, told);
    while (child > 0 && waitpid(child, &state, 0) < 0 && errno == EINTR) {}
    if (child > 0)
        status = judge(path, seconds, state, told);
    else
        status = aed_fail(AED_INTERNAL, "%s: cannot start a process: %s", path, strerror(errno));
    munmap(told, sizeof *told);
    return status;
}
