/* Messages between single ranks: whole, in order, of any length, while both sides do other things. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dist/mailbox.h"
#include "support/mpi_main.h"

enum { MESSAGES = 40 };

/* Lengths around the padding, and one that no eager protocol takes at once. */
static size_t length_of(int number)
{
    return number == MESSAGES / 2 ? 3000001 : (size_t)number * 7 % 29;
}

static unsigned char byte_of(int from, int number, size_t at)
{
    return (unsigned char)(from * 31 + number * 7 + (int)(at % 251));
}

static void send_all(aed_mailbox *box, int to)
{
    const int rank = aed_test_world.rank;
    for (int n = 0; n < MESSAGES; n++) {
        aed_buffer bytes = {0};
        for (size_t i = 0; i < length_of(n); i++) {
            const unsigned char byte = byte_of(rank, n, i);
            aed_buffer_put(&bytes, &byte, 1);
        }
        aed_mailbox_send(box, to, n, &bytes);
    }
}

static bool is_right(const aed_mail *mail, int number)
{
    if (mail->kind != number || mail->bytes.size != length_of(number)) return false;
    for (size_t i = 0; i < mail->bytes.size; i++)
        if (mail->bytes.bytes[i] != byte_of(mail->from, number, i)) return false;
    return true;
}

/* Everybody, itself included, writes to everybody. */
static void test_messages_come_whole_and_in_order(void **state)
{
    (void)state;
    const int size = aed_test_world.size;
    aed_mailbox *box;
    int next[64] = {0}, left = size * MESSAGES, wrong = 0;
    assert_int_equal(aed_mailbox_create(&aed_test_world, &box), AED_OK);
    for (int to = 0; to < size; to++) send_all(box, to);
    while (left > 0) {
        aed_mail mail;
        if (!aed_mailbox_poll(box, &mail)) continue;
        wrong += !is_right(&mail, next[mail.from]++);
        left--;
        aed_buffer_destroy(&mail.bytes);
    }
    aed_test_verdict(wrong == 0, "%d of %d messages are wrong", wrong, size * MESSAGES);
    aed_mailbox_destroy(&box);
}

static void test_groups_of_some_ranks(void **state)
{
    (void)state;
    const aed_comm *world = &aed_test_world;
    int ranks[64], count = 0;
    aed_comm group;
    /* The even ranks and the odd ones, at the same time. */
    for (int i = world->rank % 2; i < world->size; i += 2) ranks[count++] = i;
    assert_int_equal(aed_dist_group(world, ranks, count, world->rank % 2, &group), AED_OK);
    double largest = (double)world->rank;
    assert_int_equal(aed_dist_max(&group, &largest, 1), AED_OK);
    aed_test_verdict(group.size == count && ranks[group.rank] == world->rank &&
                         largest == (double)ranks[count - 1],
                     "rank %d of %d, largest %g", group.rank, group.size, largest);
    aed_dist_free(&group);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages_come_whole_and_in_order),
        cmocka_unit_test(test_groups_of_some_ranks),
    };
    aed_test_start(&argc, &argv);
    return aed_test_stop(cmocka_run_group_tests(tests, NULL, aed_test_hush));
}
