/* Agreement, broadcast, maximum and host names; and, for integration/test_killed_rank.sh, ways to
 * die: `test_dist --die killed|failed|mpi` loses rank 1 while the others go on adding. */
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/memory.h"
#include "dist/dist_private.h"
#include "dist/sum.h"
#include "support/mpi_main.h"

static void test_agree_all_good(void **state)
{
    (void)state;
    aed_fail(AED_DATA, "an old message");
    aed_test_verdict(aed_dist_agree(&aed_test_world, AED_OK) == AED_OK, "not AED_OK");
}

/* Rank r fails with statuses[r % 4]; everybody must learn of the worst, told by the lowest. */
static void test_agree_on_several_failures(void **state)
{
    (void)state;
    const aed_status statuses[] = {AED_OK, AED_DATA, AED_CONFIG, AED_DATA};
    const int rank = aed_test_world.rank;
    aed_status local = statuses[rank % 4];
    if (local != AED_OK) aed_fail(local, "rank %d failed with 100 %%d", rank);
    const aed_status agreed = aed_dist_agree(&aed_test_world, local);
    const aed_status expected = aed_test_world.size > 1 ? AED_DATA : AED_OK;
    bool good = agreed == expected;
    if (expected != AED_OK)
        good = good && strcmp(aed_status_message(), "rank 1 failed with 100 %d") == 0;
    aed_test_verdict(good, "status %d, message '%s'", (int)agreed, aed_status_message());
}

static void test_agree_on_last_rank_with_long_message(void **state)
{
    (void)state;
    char text[1500], expected[1024];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    memset(expected, 'x', sizeof expected);
    expected[sizeof expected - 1] = '\0';
    const bool last = aed_test_world.rank == aed_test_world.size - 1;
    const aed_status local = last ? aed_fail(AED_DIVERGED, "%s", text) : AED_STOPPED;
    const aed_status agreed = aed_dist_agree(&aed_test_world, local);
    aed_test_verdict(agreed == AED_DIVERGED && strcmp(aed_status_message(), expected) == 0,
                     "status %d, %zu bytes", (int)agreed, strlen(aed_status_message()));
}

static bool broadcast_arrives(size_t bytes, int root, size_t chunk)
{
    unsigned char *data = aed_alloc(bytes, 1);
    for (size_t i = 0; i < bytes && aed_test_world.rank == root; i++)
        data[i] = (unsigned char)(i * 7 + i / 256 + (size_t)root);
    bool good = aed_dist_broadcast_chunks(&aed_test_world, data, bytes, root, chunk) == AED_OK;
    for (size_t i = 0; i < bytes; i++)
        good = good && data[i] == (unsigned char)(i * 7 + i / 256 + (size_t)root);
    aed_free(data);
    return good;
}

static void test_broadcast_in_chunks(void **state)
{
    (void)state;
    const size_t sizes[] = {0, 1, 999, 1000, 1001, 5000, 70001};
    bool good = true;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int root = 0; root < aed_test_world.size; root++)
            good = broadcast_arrives(sizes[i], root, 1000) && good;
    aed_test_verdict(good, "other bytes than sent");
}

static void test_broadcast_from_last_rank(void **state)
{
    (void)state;
    int64_t number = aed_test_world.rank;
    const int root = aed_test_world.size - 1;
    const aed_status status = aed_dist_broadcast(&aed_test_world, &number, sizeof number, root);
    aed_test_verdict(status == AED_OK && number == root, "got %lld", (long long)number);
}

static void test_max_of_numbers(void **state)
{
    (void)state;
    const bool first = aed_test_world.rank == 0,
               last = aed_test_world.rank + 1 == aed_test_world.size;
    const double rank = aed_test_world.rank;
    double values[] = {rank,
                       -1 - rank,
                       last ? -INFINITY : -1e300,
                       first ? INFINITY : 0,
                       first ? 0.0 : -0.0,
                       -1e-310 * (rank + 1)};
    const double expected[] = {aed_test_world.size - 1,
                               -1,
                               aed_test_world.size > 1 ? -1e300 : -INFINITY,
                               INFINITY,
                               0,
                               -1e-310};
    bool good = aed_dist_max(&aed_test_world, values, 6) == AED_OK;
    for (int i = 0; i < 6; i++)
        good = good && values[i] == expected[i] && signbit(values[i]) == signbit(expected[i]);
    aed_test_verdict(good, "%g %g %g %g %g %g", values[0], values[1], values[2], values[3],
                     values[4], values[5]);
}

static void test_max_of_nan(void **state)
{
    (void)state;
    double values[] = {aed_test_world.rank == aed_test_world.size / 2 ? -NAN : 1e308, 2.0};
    const aed_status status = aed_dist_max(&aed_test_world, values, 2);
    aed_test_verdict(status == AED_OK && isnan(values[0]) && values[1] == 2.0, "%g %g", values[0],
                     values[1]);
}

static void test_hosts_names_each_once(void **state)
{
    (void)state;
    char host[256] = "";
    char *hosts = NULL;
    gethostname(host, sizeof host - 1);
    const aed_status status = aed_dist_hosts(&aed_test_world, &hosts);
    const bool good = status == AED_OK && strcmp(hosts, host) == 0;
    aed_test_verdict(good, "'%s' on '%s'", hosts ? hosts : "", host);
    aed_free(hosts);
}

static void test_hosts_without_memory(void **state)
{
    (void)state;
    char *hosts = NULL;
    if (aed_test_world.rank == 0) aed_alloc_fail_after(1);
    const aed_status status = aed_dist_hosts(&aed_test_world, &hosts);
    aed_alloc_fail_after(0);
    aed_test_verdict(status == AED_MEMORY && hosts == NULL, "status %d", (int)status);
}

static void die(const char *how)
{
    if (strcmp(how, "killed") == 0) raise(SIGKILL);
    if (strcmp(how, "failed") == 0) aed_dist_abort(aed_fail(AED_DATA, "the cause of its failure"));
    if (strcmp(how, "mpi") == 0)
        MPI_Send(NULL, 0, MPI_BYTE, aed_test_world.size, 0, aed_test_world.handle);
}

/* Sums for ever, as training does, until rank 1 dies in the middle of it. */
static int add_until_death(const char *how)
{
    aed_sum *sum;
    int64_t first, end;
    float *f;
    double *d;
    const float *sum_f;
    const double *sum_d;
    if (aed_sum_create(&aed_test_world, 8, 256, 1, &sum) != AED_OK) return EXIT_FAILURE;
    for (int64_t step = 0;; step++) {
        if (step == 1000 && aed_test_world.rank == 1) die(how);
        aed_sum_begin(sum, 8, &first, &end);
        for (int64_t leaf = first; leaf < end; leaf++) {
            aed_sum_leaf(sum, &f, &d);
            memset(f, 0, 256 * sizeof *f);
            aed_sum_push(sum, AED_SUM_APART);
        }
        if (aed_sum_finish(sum, &sum_f, &sum_d) != AED_OK) return EXIT_FAILURE;
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agree_all_good),
        cmocka_unit_test(test_agree_on_several_failures),
        cmocka_unit_test(test_agree_on_last_rank_with_long_message),
        cmocka_unit_test(test_broadcast_in_chunks),
        cmocka_unit_test(test_broadcast_from_last_rank),
        cmocka_unit_test(test_max_of_numbers),
        cmocka_unit_test(test_max_of_nan),
        cmocka_unit_test(test_hosts_names_each_once),
        cmocka_unit_test(test_hosts_without_memory),
    };
    aed_test_start(&argc, &argv);
    if (argc == 3 && strcmp(argv[1], "--die") == 0) return add_until_death(argv[2]);
    return aed_test_stop(cmocka_run_group_tests(tests, NULL, aed_test_hush));
}
