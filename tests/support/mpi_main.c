/* cmocka under MPI; see mpi_main.h. It uses MPI itself where it could use aed_dist_agree, which is
 * among the functions under test. */
#include "support/mpi_main.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { MESSAGE_BYTES = 1024 };

aed_comm aed_test_world;

static int saved_stderr = -1;

static void silence(int descriptor)
{
    const int null = open("/dev/null", O_WRONLY);
    if (null >= 0) {
        dup2(null, descriptor);
        close(null);
    }
}

void aed_test_start(int *argc, char ***argv)
{
    if (aed_dist_start(argc, argv, &aed_test_world) != AED_OK) {
        fprintf(stderr, "%s\n", aed_status_message());
        exit(EXIT_FAILURE);
    }
    if (aed_test_world.rank > 0) silence(STDOUT_FILENO);
}

int aed_test_hush(void **state)
{
    (void)state;
    if (aed_test_world.rank > 0) {
        if (saved_stderr < 0) saved_stderr = dup(STDERR_FILENO);
        silence(STDERR_FILENO);
    }
    return 0;
}

int aed_test_stop(int failed)
{
    if (saved_stderr >= 0)
        dup2(saved_stderr, STDERR_FILENO); /* a sanitizer may have to say something */
    MPI_Allreduce(MPI_IN_PLACE, &failed, 1, MPI_INT, MPI_MAX, aed_test_world.handle);
    aed_dist_stop();
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

void aed_test_verdict(bool ok, const char *format, ...)
{
    const MPI_Comm comm = aed_test_world.handle;
    char message[MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);

    int first = ok ? aed_test_world.size : aed_test_world.rank;
    MPI_Allreduce(MPI_IN_PLACE, &first, 1, MPI_INT, MPI_MIN, comm);
    if (first == aed_test_world.size) return;
    MPI_Bcast(message, MESSAGE_BYTES, MPI_CHAR, first, comm);
    aed_test_hush(NULL); /* rank 0 tells it for all */
    fail_msg("rank %d of %d: %s", first, aed_test_world.size, message);
}
