/* The threads of the watch. Rank 0's waits for all connections, every other one's for its own:
 *
 *   a byte 'B'     that rank ends as it should: it is watched no longer
 *   a byte 'X'     from rank 0: it has told what happened, the job ends
 *   an error       the other host does not answer: it is told and the job ends, at once
 *   the end        that process is gone: the same, but after a moment in which the launcher, which
 *                  notices a failing rank too, may end the job with what the rank had to say */
#include "dist/host_watch.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/memory.h"
#include "dist/dist_private.h"
#include "dist/host_watch_private.h"

static const double GRACE = 3; /* seconds for the launcher */
enum { STACK = 1 << 17, SPARE_FILES = 256 /* for all else */ };

struct aed_host_watch {
    aed_host_watch_view view;
    char (*names)[AED_HOST_WATCH_NAME]; /* what the view shows */
    aed_host_watch_call call;
    int pipe[2]; /* from the rank to its thread: 'L' all are connected, 'S' stop */
    /* [0] the pipe, [1] the listener, [2 + i] the connection to rank i; -1: none */
    struct pollfd *waits;
    bool *lost;
    double *ended; /* when the process of each rank was found gone; 0: it was not */
    bool is_started;
    pthread_t thread;
};

enum { PIPE, LISTENER, PEERS };

/* ---- The thread -------------------------------------------------------------------------------- */

static void forget(struct pollfd *wait)
{
    close(wait->fd);
    wait->fd = -1;
}

/* A last byte to all whom this rank is connected with. */
static void tell_all(aed_host_watch *w, char byte)
{
    for (int i = 0; i < w->view.size; i++)
        if (w->waits[PEERS + i].fd >= 0)
            (void)send(w->waits[PEERS + i].fd, &byte, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static _Noreturn void end_job(aed_host_watch *w)
{
    if (w->view.rank == 0) tell_all(w, 'X');
    aed_host_watch_exit();
}

/* The host of `rank` does not answer; those that are about to be found silent are told with it. */
static _Noreturn void end_silence(aed_host_watch *w, int rank, int error)
{
    bool all = true;
    int connections = 0;
    for (int i = 0; i < w->view.size; i++) {
        const int fd = w->waits[PEERS + i].fd;
        w->lost[i] = fd >= 0 && (i == rank || aed_host_watch_is_silent(fd));
        all = all && (fd < 0 || w->lost[i]);
        connections += fd >= 0;
    }
    aed_host_watch_report_silence(&w->view, w->lost, all && connections > 1, error);
    end_job(w);
}

static _Noreturn void end_death(aed_host_watch *w, int rank)
{
    aed_host_watch_report_end(&w->view, rank);
    end_job(w);
}

static void hear(aed_host_watch *w, int rank)
{
    char byte;
    struct pollfd *wait = &w->waits[PEERS + rank];
    const ssize_t got = recv(wait->fd, &byte, 1, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got < 0 && errno != ECONNRESET && errno != EPIPE) end_silence(w, rank, errno);
    if (got == 1 && byte == 'X') aed_host_watch_exit();
    if (got <= 0) w->ended[rank] = aed_clock_seconds();
    forget(wait);
}

/* Milliseconds until a process that is gone is told, -1 if none is. */
static int next_wait(aed_host_watch *w)
{
    const double now = aed_clock_seconds();
    double first = INFINITY;
    for (int i = 0; i < w->view.size; i++) {
        if (w->ended[i] == 0) continue;
        if (now >= w->ended[i] + GRACE) end_death(w, i);
        if (w->ended[i] + GRACE < first) first = w->ended[i] + GRACE;
    }
    return isinf(first) ? -1 : 1 + (int)(1000 * (first - now));
}

static void take_connection(aed_host_watch *w)
{
    int rank;
    const int fd = aed_host_watch_accept(w->waits[LISTENER].fd, &w->call, w->view.size, &rank);
    if (fd < 0) return;
    if (w->waits[PEERS + rank].fd >= 0) close(w->waits[PEERS + rank].fd);
    w->waits[PEERS + rank].fd = fd;
}

/* What the rank itself wants; whether the watch goes on. */
static bool obey(aed_host_watch *w)
{
    char byte = 'S';
    const ssize_t got = read(w->pipe[0], &byte, 1);
    if (got == 1 && byte == 'L') forget(&w->waits[LISTENER]);
    return byte == 'L';
}

static void *watch(void *context)
{
    aed_host_watch *w = context;
    for (;;) {
        const int count = poll(w->waits, (nfds_t)(PEERS + w->view.size), next_wait(w));
        if (count <= 0) continue;
        if (w->waits[LISTENER].fd >= 0 && w->waits[LISTENER].revents) take_connection(w);
        if (w->waits[PIPE].revents && !obey(w)) return NULL;
        for (int i = 0; i < w->view.size; i++)
            if (w->waits[PEERS + i].fd >= 0 && w->waits[PEERS + i].revents) hear(w, i);
    }
}

/* ---- Start and end ----------------------------------------------------------------------------- */

static aed_status several_hosts(const aed_comm *world, bool *several)
{
    aed_status status = AED_OK;
    MPI_Comm node;
    int size;
    *several = false;
    if (world->size == 1) return AED_OK;
    AED_TRY_MPI(MPI_Comm_split_type(world->handle, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node));
    AED_TRY_MPI(MPI_Comm_size(node, &size));
    AED_TRY_MPI(MPI_Comm_free(&node));
    *several = size < world->size;
done:
    return status;
}

static aed_status allocate(const aed_comm *world, aed_host_watch **watch)
{
    const size_t size = (size_t)world->size;
    aed_host_watch *w = *watch = aed_alloc(1, sizeof *w);
    if (!w) return aed_fail(AED_MEMORY, "out of memory for the watch over the hosts");
    w->pipe[0] = w->pipe[1] = -1;
    w->names = aed_alloc(size, sizeof *w->names);
    w->waits = aed_alloc(PEERS + size, sizeof *w->waits);
    w->lost = aed_alloc(size, sizeof *w->lost);
    w->ended = aed_alloc(size, sizeof *w->ended);
    w->view = (aed_host_watch_view){world->rank, world->size,
                                    (const char(*)[AED_HOST_WATCH_NAME])w->names};
    if (!w->names || !w->waits || !w->lost || !w->ended)
        return aed_fail(AED_MEMORY, "out of memory for the watch over %d ranks", world->size);
    for (size_t i = 0; i < PEERS + size; i++)
        w->waits[i] = (struct pollfd){.fd = -1, .events = POLLIN};
    return AED_OK;
}

static aed_status share_names(aed_host_watch *w, const aed_comm *world)
{
    aed_status status = AED_OK;
    char host[AED_HOST_WATCH_NAME] = "";
    if (gethostname(host, sizeof host - 1) != 0) strcpy(host, "an unnamed host");
    AED_TRY_MPI(
        MPI_Allgather(host, sizeof host, MPI_CHAR, w->names, sizeof host, MPI_CHAR, world->handle));
done:
    return status;
}

/* Its signals are the rank's own. */
static void start_thread(aed_host_watch *w)
{
    sigset_t all, before;
    pthread_attr_t small;
    if (pipe(w->pipe) != 0) return;
    w->waits[PIPE].fd = w->pipe[0];
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, STACK);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    w->is_started = pthread_create(&w->thread, &small, watch, w) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&small);
}

/* The connections must not take the files that the results need. */
static bool has_files(const aed_host_watch *w)
{
    struct rlimit limit;
    const rlim_t wanted = (rlim_t)w->view.size + SPARE_FILES;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return false;
    if (limit.rlim_cur >= wanted) return true;
    limit.rlim_cur = wanted;
    return limit.rlim_max >= wanted && setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

/* Rank 0's side; where it fails, nobody finds an address. */
static void open_root(aed_host_watch *w)
{
    if (has_files(w)) w->waits[LISTENER].fd = aed_host_watch_listen(&w->call);
    start_thread(w);
    if (!w->is_started) w->call.address_count = 0;
}

static bool open_peer(aed_host_watch *w)
{
    const int fd = aed_host_watch_connect(&w->call, w->view.rank);
    w->waits[PEERS].fd = fd;
    if (fd >= 0) start_thread(w);
    return w->is_started;
}

/* Tells who is not watched. */
static aed_status count_connected(const aed_host_watch *w, const aed_comm *world, bool connected)
{
    aed_status status = AED_OK;
    int missing = !connected, first = connected ? world->size : world->rank;
    AED_TRY_MPI(MPI_Allreduce(MPI_IN_PLACE, &missing, 1, MPI_INT, MPI_SUM, world->handle));
    AED_TRY_MPI(MPI_Allreduce(MPI_IN_PLACE, &first, 1, MPI_INT, MPI_MIN, world->handle));
    if (missing > 0 && world->rank == 0)
        fprintf(
            stderr,
            "aedist: note: %d of %d ranks, the first of them rank %d on %s, cannot reach rank 0 on "
            "%s beside MPI, so the loss of a host may go unnoticed; let TCP pass between the "
            "hosts\n",
            missing, world->size - 1, first, w->names[first], w->names[0]);
done:
    return status;
}

aed_status aed_host_watch_start(const aed_comm *world, aed_host_watch **watch)
{
    aed_status status;
    bool several, connected = true;
    *watch = NULL;
    AED_TRY(several_hosts(world, &several));
    if (!several) return AED_OK;
    AED_TRY(aed_dist_agree(world, allocate(world, watch)));
    aed_host_watch *w = *watch;
    AED_TRY(share_names(w, world));
    if (world->rank == 0) open_root(w);
    AED_TRY(aed_dist_broadcast(world, &w->call, sizeof w->call, 0));
    if (world->rank != 0) connected = open_peer(w);
    AED_TRY(count_connected(w, world, connected));
    if (world->rank == 0 && w->is_started) (void)!write(w->pipe[1], "L", 1);
done:
    if (status != AED_OK) aed_host_watch_stop(watch);
    return status;
}

void aed_host_watch_stop(aed_host_watch **watch)
{
    aed_host_watch *w = *watch;
    if (!w) return;
    if (w->is_started) {
        (void)!write(w->pipe[1], "S", 1);
        pthread_join(w->thread, NULL);
        tell_all(w, 'B');
    }
    for (int i = 0; w->waits && i < PEERS + w->view.size; i++)
        if (w->waits[i].fd >= 0) close(w->waits[i].fd);
    if (w->pipe[1] >= 0) close(w->pipe[1]);
    aed_free(w->names);
    aed_free(w->waits);
    aed_free(w->lost);
    aed_free(w->ended);
    aed_free(w);
    *watch = NULL;
}
