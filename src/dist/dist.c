/* Start and end of MPI, and the few collectives in which ranks tell each other how they are.
 *
 * All failures of MPI itself end in one place, aed_dist_abort: after a failed call the other ranks
 * may wait inside MPI for a message that never comes, so the job has to go as a whole, and what
 * remains to be done is to say who failed, where, and why. */
#include "dist/dist.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/memory.h"
#include "dist/dist_private.h"

enum { HOST_BYTES = 256, MESSAGE_BYTES = 1024 };

/* Who this process is, for the error handler, which MPI calls without any data of ours. */
static struct {
    int rank;
    char host[HOST_BYTES];
} self;

static void read_host(char *host)
{
    if (gethostname(host, HOST_BYTES - 1) != 0) strcpy(host, "an unnamed host");
    host[HOST_BYTES - 1] = '\0';
}

_Noreturn void aed_dist_abort(aed_status status)
{
    /* One write, so that the lines of several failing ranks do not mix. */
    char line[MESSAGE_BYTES + HOST_BYTES + 64];
    snprintf(line, sizeof line, "aedist: rank %d on %s: %s\n", self.rank, self.host,
             aed_status_message());
    fputs(line, stderr);
    fflush(stderr);
    MPI_Abort(MPI_COMM_WORLD, aed_status_exit_code(status));
    abort();
}

aed_status aed_dist_mpi_failure(int code, const char *function)
{
    char text[MPI_MAX_ERROR_STRING] = "unknown error";
    int length = 0;
    MPI_Error_string(code, text, &length);
    return aed_fail(AED_MPI, "%s: MPI failed: %s; see whether all hosts of the job are alive",
                    function, text);
}

static void on_mpi_error(MPI_Comm *comm, int *code, ...)
{
    (void)comm;
    aed_dist_abort(aed_dist_mpi_failure(*code, "communication"));
}

static bool has_launcher(void)
{
    static const char *const variables[] = {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK",
                                            "SLURM_STEP_ID", "SLURM_STEPID"};
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        if (getenv(variables[i])) return true;
    return false;
}

aed_status aed_dist_start(int *argc, char ***argv, aed_comm *world)
{
    aed_status status = AED_OK;
    MPI_Errhandler handler;
    int provided;
    const bool alone = !has_launcher();
    aed_session session;
    const bool own_session = alone && aed_session_begin(&session);
    /* A singleton of its own starts 0.1 s faster than one that looks for a daemon. */
    if (alone) setenv("OMPI_MCA_ess_singleton_isolated", "1", 0);
    /* Between processes of a host messages go through shared memory in fragments: reading the other
     * process's memory by a system call is slower up to megabytes and forbidden in many containers. */
    setenv("OMPI_MCA_btl_vader_single_copy_mechanism", "none", 0);
    read_host(self.host);
    const int code = MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &provided);
    if (own_session) aed_session_end(&session);
    AED_TRY_MPI(code);
    AED_TRY_MPI(MPI_Comm_create_errhandler(on_mpi_error, &handler));
    AED_TRY_MPI(MPI_Comm_set_errhandler(MPI_COMM_WORLD, handler));
    AED_TRY_MPI(MPI_Errhandler_free(&handler)); /* lives on with the communicator */
    world->handle = MPI_COMM_WORLD;
    AED_TRY_MPI(MPI_Comm_rank(MPI_COMM_WORLD, &world->rank));
    AED_TRY_MPI(MPI_Comm_size(MPI_COMM_WORLD, &world->size));
    self.rank = world->rank;
done:
    return status;
}

void aed_dist_stop(void) { MPI_Finalize(); }

aed_status aed_dist_agree(const aed_comm *comm, aed_status local)
{
    if (comm->size == 1) return local;
    aed_status status = AED_OK;
    struct {
        int status, rank;
    } worst = {(int)local, comm->rank};
    char message[MESSAGE_BYTES] = "";
    /* MAXLOC gives the lowest rank where several have the same status. */
    AED_TRY_MPI(MPI_Allreduce(MPI_IN_PLACE, &worst, 1, MPI_2INT, MPI_MAXLOC, comm->handle));
    if (worst.status == AED_OK) goto done;
    if (worst.rank == comm->rank) snprintf(message, sizeof message, "%s", aed_status_message());
    AED_TRY_MPI(MPI_Bcast(message, MESSAGE_BYTES, MPI_CHAR, worst.rank, comm->handle));
    if (worst.rank == comm->rank)
        status = local; /* its message is in place */
    else
        status = aed_fail((aed_status)worst.status, "%s", message);
done:
    return status;
}

aed_status aed_dist_broadcast_chunks(const aed_comm *comm, void *data, size_t bytes, int root,
                                     size_t chunk)
{
    aed_status status = AED_OK;
    if (comm->size == 1) return AED_OK;
    char *next = data;
    while (bytes > 0) {
        const size_t part = bytes < chunk ? bytes : chunk;
        AED_TRY_MPI(MPI_Bcast(next, (int)part, MPI_BYTE, root, comm->handle));
        next += part;
        bytes -= part;
    }
done:
    return status;
}

aed_status aed_dist_broadcast(const aed_comm *comm, void *data, size_t bytes, int root)
{
    return aed_dist_broadcast_chunks(comm, data, bytes, root, (size_t)1 << 30);
}

/* A double's bits as an integer of the same order, and back: below zero magnitudes count downwards. */
static int64_t turn(int64_t bits) { return bits < 0 ? bits ^ INT64_MAX : bits; }

/* MPI_MAX on doubles gives what the order of its comparisons makes of a NaN; on integers there is no
 * such order. Every NaN becomes the largest integer, which reads back as a NaN. */
static void to_keys(double *values, int count)
{
    for (int i = 0; i < count; i++) {
        int64_t bits;
        memcpy(&bits, values + i, sizeof bits);
        const int64_t key = isnan(values[i]) ? INT64_MAX : turn(bits);
        memcpy(values + i, &key, sizeof key);
    }
}

static void from_keys(double *values, int count)
{
    for (int i = 0; i < count; i++) {
        int64_t key;
        memcpy(&key, values + i, sizeof key);
        key = turn(key);
        memcpy(values + i, &key, sizeof key);
    }
}

aed_status aed_dist_max(const aed_comm *comm, double *values, int count)
{
    aed_status status = AED_OK;
    to_keys(values, count);
    if (comm->size > 1)
        AED_TRY_MPI(MPI_Allreduce(MPI_IN_PLACE, values, count, MPI_INT64_T, MPI_MAX, comm->handle));
done:
    from_keys(values, count);
    return status;
}

static aed_status place_self(aed_comm *comm)
{
    aed_status status = AED_OK;
    AED_TRY_MPI(MPI_Comm_rank(comm->handle, &comm->rank));
    AED_TRY_MPI(MPI_Comm_size(comm->handle, &comm->size));
done:
    return status;
}

/* The world's ranks of `some`, which is freed. */
static aed_status create_group(const aed_comm *world, MPI_Group some, int tag, aed_comm *group)
{
    aed_status status = AED_OK;
    MPI_Errhandler handler;
    AED_TRY_MPI(MPI_Comm_create_group(world->handle, some, tag, &group->handle));
    AED_TRY_MPI(MPI_Comm_get_errhandler(world->handle, &handler));
    AED_TRY_MPI(MPI_Comm_set_errhandler(group->handle, handler));
    AED_TRY_MPI(MPI_Errhandler_free(&handler));
    AED_TRY(place_self(group));
done:
    MPI_Group_free(&some);
    return status;
}

aed_status aed_dist_group(const aed_comm *world, const int *ranks, int count, int tag,
                          aed_comm *group)
{
    aed_status status = AED_OK;
    MPI_Group all, some;
    AED_TRY_MPI(MPI_Comm_group(world->handle, &all));
    AED_TRY_MPI(MPI_Group_incl(all, count, ranks, &some));
    AED_TRY_MPI(MPI_Group_free(&all));
    AED_TRY(create_group(world, some, tag, group));
done:
    return status;
}

aed_status aed_dist_range(const aed_comm *world, int first, int count, int tag, aed_comm *group)
{
    aed_status status = AED_OK;
    MPI_Group all, some;
    int range[1][3] = {{first, first + count - 1, 1}};
    AED_TRY_MPI(MPI_Comm_group(world->handle, &all));
    AED_TRY_MPI(MPI_Group_range_incl(all, 1, range, &some));
    AED_TRY_MPI(MPI_Group_free(&all));
    AED_TRY(create_group(world, some, tag, group));
done:
    return status;
}

aed_status aed_dist_copy(const aed_comm *comm, aed_comm *copy)
{
    aed_status status = AED_OK;
    AED_TRY_MPI(MPI_Comm_dup(comm->handle, &copy->handle));
    AED_TRY(place_self(copy));
done:
    return status;
}

void aed_dist_free(aed_comm *comm)
{
    if (comm->size > 0) MPI_Comm_free(&comm->handle);
    *comm = (aed_comm){0};
}

static bool is_known(const char *names, int count, const char *name)
{
    for (int i = count - 1; i >= 0; i--) /* neighbours in rank are often on one host */
        if (strcmp(names + (size_t)i * HOST_BYTES, name) == 0) return true;
    return false;
}

aed_status aed_dist_hosts(const aed_comm *comm, char **hosts)
{
    aed_status status = AED_OK;
    char host[HOST_BYTES] = "";
    char *names = aed_alloc((size_t)comm->size, HOST_BYTES);
    char *text = aed_alloc((size_t)comm->size, HOST_BYTES);
    if (!names || !text)
        status = aed_fail(AED_MEMORY, "host names: no memory for %d ranks", comm->size);
    AED_TRY(aed_dist_agree(comm, status));
    read_host(host);
    if (comm->size > 1)
        AED_TRY_MPI(
            MPI_Allgather(host, HOST_BYTES, MPI_CHAR, names, HOST_BYTES, MPI_CHAR, comm->handle));
    else
        memcpy(names, host, HOST_BYTES);
    char *end = text;
    for (int rank = 0; rank < comm->size; rank++) {
        const char *name = names + (size_t)rank * HOST_BYTES;
        if (!is_known(names, rank, name)) end += sprintf(end, "%s%s", rank > 0 ? "," : "", name);
    }
    *hosts = text;
    text = NULL;
done:
    aed_free(names);
    aed_free(text);
    return status;
}
