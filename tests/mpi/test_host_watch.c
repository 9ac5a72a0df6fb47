/* The watch over hosts, as far as one host shows it; tests/hosts has the rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dist/host_watch.h"
#include "support/mpi_main.h"

static void test_one_host_has_no_watch(void **state)
{
    (void)state;
    aed_host_watch *watch = (aed_host_watch *)&watch;
    const aed_status status = aed_host_watch_start(&aed_test_world, &watch);
    aed_test_verdict(status == AED_OK && !watch, "a watch, or a failure: %d", (int)status);
    aed_host_watch_stop(&watch);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_one_host_has_no_watch)};
    aed_test_start(&argc, &argv);
    return aed_test_stop(cmocka_run_group_tests(tests, NULL, aed_test_hush));
}
