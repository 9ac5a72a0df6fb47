/* Work in a process of its own; see apart.h. */
#include "core/apart.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the child tells. */
typedef struct outcome {
    aed_status status;
    char message[1024];
} outcome;

enum { MOST_SECONDS = 60 };

/* Signals are to end the child, quietly: MPI's handlers would print where. */
static _Noreturn void run_child(aed_status (*work)(void *context), void *context, outcome *told)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGALRM};
    const struct rlimit no_core = {0, 0};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) signal(signals[i], SIG_DFL);
    setrlimit(RLIMIT_CORE, &no_core);
    alarm(MOST_SECONDS); /* a damaged file may also lead a library in circles */
    told->status = work(context);
    snprintf(told->message, sizeof told->message, "%s", aed_status_message());
    fflush(stdout);
    _exit(0);
}

static aed_status judge(const char *path, int state, const outcome *told)
{
    if (WIFEXITED(state) && WEXITSTATUS(state) == 0)
        return told->status == AED_OK ? AED_OK : aed_fail(told->status, "%s", told->message);
    return aed_fail(AED_DATA, "%s: is damaged, reading it crashed (%s)", path,
                    WIFSIGNALED(state) ? strsignal(WTERMSIG(state)) : "with a report of its own");
}

aed_status aed_apart(const char *path, aed_status (*work)(void *context), void *context)
{
    aed_status status;
    int state = 0;
    outcome *told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                         0);
    if (told == MAP_FAILED) return aed_fail(AED_MEMORY, "%s: out of memory", path);
    fflush(stdout); /* or the child would print it again */
    const pid_t child = fork();
    if (child == 0) run_child(work, context, told);
    while (child > 0 && waitpid(child, &state, 0) < 0 && errno == EINTR) {}
    if (child > 0)
        status = judge(path, state, told);
    else
        status = aed_fail(AED_INTERNAL, "%s: cannot start a process: %s", path, strerror(errno));
    munmap(told, sizeof *told);
    return status;
}
