/* The end of a job that has lost a host. MPI has no part in it: its calls may wait for that host. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/types.h>
#include <unistd.h>

#include "dist/host_watch_private.h"

/* Milliseconds that a launcher has to end by itself. */
enum { LAUNCHER_MS = 3000 };

static const char remedy[] = "what was saved is kept, start the job again";

static void print_line(const char *line)
{
    /* One write, so that the lines of several ranks do not mix. */
    const ssize_t written = write(STDERR_FILENO, line, strlen(line));
    (void)written;
}

/* "host n3 (rank 2)", "hosts n2 (4 ranks), n3 (4 ranks)": those on which ranks are lost. */
static void list_hosts(const aed_host_watch_view *view, const bool *lost, char *text, size_t bytes)
{
    enum { LISTED = 6 };
    char list[600] = "";
    size_t at = 0;
    int listed = 0, hosts = 0;
    for (int i = 0; i < view->size; i++) {
        int ranks = 0, before = 0;
        for (int k = 0; k < view->size; k++) {
            const bool same = strcmp(view->names[k], view->names[i]) == 0 && lost[k];
            ranks += same;
            before += same && k < i;
        }
        if (!lost[i] || before > 0 || ++hosts > LISTED) continue;
        at += (size_t)snprintf(list + at, sizeof list - at, "%s%s ", listed++ ? ", " : "",
                               view->names[i]);
        at += (size_t)snprintf(list + at, sizeof list - at, ranks == 1 ? "(rank %d)" : "(%d ranks)",
                               ranks == 1 ? i : ranks);
    }
    const int more = hosts - listed;
    snprintf(text, bytes, "%s %s%s", hosts == 1 ? "host" : "hosts", list, more ? " and more" : "");
}

void aed_host_watch_report_silence(const aed_host_watch_view *view, const bool *lost, bool all,
                                   int error)
{
    char line[1024], hosts[640];
    list_hosts(view, lost, hosts, sizeof hosts);
    snprintf(line, sizeof line, "aedist: rank %d on %s: %s cannot be reached any more: %s; %s%s\n",
             view->rank, view->names[view->rank], hosts, strerror(error),
             all ? "it may be this host that is cut off; " : "", remedy);
    print_line(line);
}

void aed_host_watch_report_end(const aed_host_watch_view *view, int rank)
{
    char line[400];
    snprintf(line, sizeof line,
             "aedist: rank %d on %s: the process of rank %d on host %s is gone; %s\n", view->rank,
             view->names[view->rank], rank, view->names[rank], remedy);
    print_line(line);
}

static bool is_mpirun(pid_t process)
{
    static const char *const names[] = {"mpirun", "mpiexec", "orterun", "prterun"};
    char path[32], name[32] = "";
    snprintf(path, sizeof path, "/proc/%d/comm", (int)process);
    FILE *file = fopen(path, "r");
    if (!file) return false;
    const bool read = fgets(name, sizeof name, file) != NULL;
    fclose(file);
    name[strcspn(name, "\n")] = '\0';
    for (size_t i = 0; read && i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0) return true;
    return false;
}

/* Open MPI's mpirun ends the processes that it reaches and then waits, for minutes, for its daemon on
 * the host that it does not. A process of its own, which holds nothing of this one's, ends it then. */
static void outlive_launcher(void)
{
    const pid_t launcher = getppid();
    const int handle = pidfd_open(launcher, 0);
    if (handle < 0 || !is_mpirun(launcher) || _Fork() != 0) return;
    setsid();
    dup2(handle, 0);
    close_range(1, ~0U, 0);
    struct pollfd wait = {.fd = 0, .events = POLLIN}; /* readable once it has ended */
    if (poll(&wait, 1, LAUNCHER_MS) == 0) (void)pidfd_send_signal(0, SIGKILL, NULL, 0);
    _exit(0);
}

_Noreturn void aed_host_watch_exit(void)
{
    outlive_launcher();
    _exit(AED_HOST_WATCH_EXIT);
}
