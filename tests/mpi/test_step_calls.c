/* A training step allocates nothing and calls the system for nothing: counted over steps of every recipe.
 *
 * malloc and its like are this program's own here and pass on to the C library's. System calls are seen by
 * a process that traces this one, where two signals tell it to. What MPI does within its calls, which are
 * wrapped here, is counted apart: it asks the system how the other ranks are getting on. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/config.h"
#include "support/mpi_main.h"
#include "train/trainer.h"

enum { WARM_UP = 3, STEPS = 12, SKIPPED = 77, BEGIN = SIGUSR1, END = SIGUSR2 };

/* Of the thread that trains, outside of MPI's calls and within. */
typedef struct counts {
    bool in_mpi;
    long allocations[2], calls[2];
    long first_call; /* the number of the first one outside */
} counts;

static counts *shared; /* with the tracing process */
static __thread bool watched;

/* ---- Allocations -------------------------------------------------------------------------------- */

void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *block, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);
void __libc_free(void *block);

static void note(void)
{
    if (watched) shared->allocations[shared->in_mpi]++;
}

void *malloc(size_t bytes)
{
    note();
    return __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes)
{
    note();
    return __libc_calloc(count, bytes);
}

void *realloc(void *block, size_t bytes)
{
    note();
    return __libc_realloc(block, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
    note();
    return __libc_memalign(alignment, bytes);
}

void free(void *block)
{
    note();
    __libc_free(block);
}

/* ---- MPI ---------------------------------------------------------------------------------------- */

/* Every call that src/dist makes once all communicators are there. */
#define WRAPPED(name, parameters, arguments)      \
    int MPI_##name parameters                     \
    {                                             \
        if (shared) shared->in_mpi = true;        \
        const int result = PMPI_##name arguments; \
        if (shared) shared->in_mpi = false;       \
        return result;                            \
    }

WRAPPED(Allreduce,
        (const void *from, void *to, int count, MPI_Datatype type, MPI_Op op, MPI_Comm comm),
        (from, to, count, type, op, comm))
WRAPPED(Allgather,
        (const void *from, int count, MPI_Datatype type, void *to, int to_count,
         MPI_Datatype to_type, MPI_Comm comm),
        (from, count, type, to, to_count, to_type, comm))
WRAPPED(Allgatherv,
        (const void *from, int count, MPI_Datatype type, void *to, const int *to_counts,
         const int *places, MPI_Datatype to_type, MPI_Comm comm),
        (from, count, type, to, to_counts, places, to_type, comm))
WRAPPED(Bcast, (void *data, int count, MPI_Datatype type, int root, MPI_Comm comm),
        (data, count, type, root, comm))
WRAPPED(Isend,
        (const void *data, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm,
         MPI_Request *request),
        (data, count, type, to, tag, comm, request))
WRAPPED(Irecv,
        (void *data, int count, MPI_Datatype type, int from, int tag, MPI_Comm comm,
         MPI_Request *request),
        (data, count, type, from, tag, comm, request))
WRAPPED(Recv,
        (void *data, int count, MPI_Datatype type, int from, int tag, MPI_Comm comm,
         MPI_Status *status),
        (data, count, type, from, tag, comm, status))
WRAPPED(Waitall, (int count, MPI_Request *requests, MPI_Status *statuses),
        (count, requests, statuses))

/* ---- The tracing process ------------------------------------------------------------------------ */

static void count_call(pid_t traced)
{
    struct __ptrace_syscall_info info;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, traced, sizeof info, &info) < 0) return;
    if (info.op != PTRACE_SYSCALL_INFO_ENTRY) return;
    if (!shared->in_mpi && shared->calls[0] == 0) shared->first_call = (long)info.entry.nr;
    shared->calls[shared->in_mpi]++;
}

/* Traces until the process has ended; returns its exit code. */
static int trace(pid_t traced)
{
    int state;
    long signal = 0;
    bool counting = false;
    if (waitpid(traced, &state, 0) < 0) return EXIT_FAILURE;
    if (WIFSTOPPED(state))
        ptrace(PTRACE_SETOPTIONS, traced, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
    while (WIFSTOPPED(state)) {
        ptrace(counting ? PTRACE_SYSCALL : PTRACE_CONT, traced, 0, signal);
        if (waitpid(traced, &state, 0) < 0) return EXIT_FAILURE;
        if (!WIFSTOPPED(state)) break;
        const int stop = WSTOPSIG(state);
        signal = 0;
        if (stop == (SIGTRAP | 0x80))
            count_call(traced);
        else if (stop == BEGIN || stop == END)
            counting = stop == BEGIN;
        else
            signal = stop;
    }
    return WIFEXITED(state) ? WEXITSTATUS(state) : EXIT_FAILURE;
}

/* Returns in a child that is traced; the parent ends with its exit code. */
static void split_off_tracer(void)
{
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) exit(EXIT_FAILURE);
    const pid_t child = fork();
    if (child < 0) exit(EXIT_FAILURE);
    if (child > 0) _exit(trace(child));
    if (ptrace(PTRACE_TRACEME, 0, 0, 0) < 0) {
        fprintf(stderr, "skipped: no process may be traced here\n");
        _exit(SKIPPED);
    }
    raise(SIGSTOP);
}

/* ---- Trainings ---------------------------------------------------------------------------------- */

/* So many steps, with the epochs that they begin. */
static aed_status train(aed_trainer *trainer, int steps)
{
    aed_status status = AED_OK;
    double loss;
    int64_t count;
    for (int i = 0; i < steps && status == AED_OK; i++) {
        if (trainer->epoch == 0 || trainer->step == trainer->steps)
            aed_trainer_begin_epoch(trainer, trainer->epoch + 1);
        status = aed_trainer_step(trainer, &loss, &count);
    }
    return status;
}

static void begin_watching(void)
{
    memset(shared, 0, sizeof *shared);
    raise(BEGIN);
    shared->calls[0] = 0; /* of raise, on its way back */
    watched = true;
}

/* What was counted stays in *shared. */
static void end_watching(void)
{
    watched = false;
    const counts seen = *shared;
    raise(END);
    *shared = seen;
}

static void test_counters_count(void **state)
{
    void *volatile block;
    (void)state;
    begin_watching();
    block = malloc(1);
    free(block);
    getppid();
    end_watching();
    aed_test_verdict(shared->allocations[0] == 2 && shared->calls[0] == 1,
                     "%ld allocations and %ld system calls were counted, not 2 and 1",
                     shared->allocations[0], shared->calls[0]);
    begin_watching();
    MPI_Bcast(shared, 0, MPI_BYTE, 0, aed_test_world.handle);
    end_watching();
    aed_test_verdict(shared->allocations[0] == 0 && shared->calls[0] == 0,
                     "what MPI does was counted as ours");
}

static void judge(const char *recipe)
{
    if (aed_test_world.rank == 0)
        printf("%-10s %ld allocations, %ld system calls; in MPI %ld, %ld\n", recipe,
               shared->allocations[0], shared->calls[0], shared->allocations[1], shared->calls[1]);
    aed_test_verdict(shared->allocations[0] == 0, "%s: %ld allocations in %d steps", recipe,
                     shared->allocations[0], STEPS);
    aed_test_verdict(shared->calls[0] == 0, "%s: %ld system calls in %d steps, first number %ld",
                     recipe, shared->calls[0], STEPS, shared->first_call);
}

static void check_recipe(const char *recipe, const char *const *overrides, int override_count)
{
    char path[512];
    aed_trial_list list;
    aed_source source;
    aed_dataset data;
    aed_trainer trainer;
    snprintf(path, sizeof path, AED_SOURCE_DIR "/configs/%s.yaml", recipe);
    const aed_status read = aed_config_read(path, overrides, override_count, &list);
    aed_test_verdict(read == AED_OK, "%s", aed_status_message());
    const aed_config *config = &list.trials[0].config;
    assert_int_equal(aed_source_create(&config->data, &source), AED_OK);
    assert_int_equal(aed_dataset_create(&source, &config->data_options, &data), AED_OK);
    const aed_status made = aed_trainer_create(config, &data, &source.shape, &aed_test_world,
                                               &trainer);
    aed_test_verdict(made == AED_OK, "%s", aed_status_message());
    aed_status status = train(&trainer, WARM_UP);
    begin_watching();
    if (status == AED_OK) status = train(&trainer, STEPS);
    end_watching();
    aed_test_verdict(status == AED_OK, "%s", aed_status_message());
    judge(recipe);
    aed_trainer_destroy(&trainer);
    aed_dataset_destroy(&data);
    aed_source_destroy(&source);
    aed_trial_list_destroy(&list);
}

static void test_step_of_every_small_recipe(void **state)
{
    static const char *const overrides[] = {"train.tile=16", "train.leaf=16"};
    static const char *const recipes[] = {"bezier", "bezier2", "signal", "linear2", "linear4"};
    (void)state;
    for (size_t i = 0; i < sizeof recipes / sizeof *recipes; i++)
        check_recipe(recipes[i], overrides, 2);
}

static void test_step_of_every_image_recipe(void **state)
{
    static const char *const overrides[] = {"train.tile=16", "train.leaf=16", "train.batch=140",
                                            "data.samples=400", "data.test_samples=20"};
    static const char *const recipes[] = {"fc32", "conv",     "upsample", "denoise",
                                          "deep", "classify", "smallconv"};
    (void)state;
    for (size_t i = 0; i < sizeof recipes / sizeof *recipes; i++)
        check_recipe(recipes[i], overrides, 5);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counters_count),
        cmocka_unit_test(test_step_of_every_small_recipe),
        cmocka_unit_test(test_step_of_every_image_recipe),
    };
    split_off_tracer();
    aed_test_start(&argc, &argv);
    return aed_test_stop(cmocka_run_group_tests(tests, NULL, aed_test_hush));
}
