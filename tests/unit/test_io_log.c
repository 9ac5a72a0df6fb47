/* log.jsonl: every line is JSON, whatever the text. */
#include "test_io_fixture.h"

#include "io/log.h"

static void read_log(const char *folder, char *text, size_t room)
{
    size_t count = fixture_read(fixture_path(folder, "log.jsonl"), (unsigned char *)text, room);
    text[count] = '\0';
}

static void test_log_write_escapes_and_nulls(void **state)
{
    aed_log *log;
    assert_int_equal(aed_log_open(*state, &log), AED_OK);
    const aed_log_field fields[] = {
        {.key = "text", .text = "a\"b\\c\n\t\x01"},
        {.key = "utf8", .text = "\xC3\xA4 \xE2\x82\xAC \xF0\x9F\x98\x80"},
        {.key = "bad", .text = "\xFFx\xC0\xAF\xED\xA0\x80\xE2\x82"},
        {.key = "whole", .number = 5000.0},
        {.key = "tenth", .number = 0.5},
        {.key = "nan", .number = NAN},
        {.key = "infinite", .number = -INFINITY},
    };
    assert_int_equal(aed_log_write(log, "epoch", fields, 7), AED_OK);
    aed_log_close(&log);
    assert_null(log);
    char text[2048];
    read_log(*state, text, sizeof text);
    assert_memory_equal(text, "{\"time\": \"20", 12);
    const char *rest = strstr(text, "Z\", \"event\"");
    assert_non_null(rest);
    const char *replacement = "\xEF\xBF\xBD";
    char expected[512];
    snprintf(expected, sizeof expected,
             "Z\", \"event\": \"epoch\", \"text\": \"a\\\"b\\\\c\\n\\t\\u0001\", "
             "\"utf8\": \"\xC3\xA4 \xE2\x82\xAC \xF0\x9F\x98\x80\", "
             "\"bad\": \"%sx%s%s%s%s%s%s%s\", \"whole\": 5000, \"tenth\": 0.5, "
             "\"nan\": null, \"infinite\": null}\n",
             replacement, replacement, replacement, replacement, replacement, replacement,
             replacement, replacement);
    assert_string_equal(rest, expected);
}

static void test_log_open_ends_a_half_line(void **state)
{
    fixture_write(fixture_path(*state, "log.jsonl"), "{\"time\": \"20", 12);
    aed_log *log;
    assert_int_equal(aed_log_open(*state, &log), AED_OK);
    assert_int_equal(aed_log_write(log, "start", NULL, 0), AED_OK);
    aed_log_close(&log);
    char text[256];
    read_log(*state, text, sizeof text);
    assert_memory_equal(text, "{\"time\": \"20\n{\"time\": \"20", 25);
    /* A whole line is left as it is. */
    assert_int_equal(aed_log_open(*state, &log), AED_OK);
    aed_log_close(&log);
    char again[256];
    read_log(*state, again, sizeof again);
    assert_string_equal(again, text);
}

static void test_log_write_reports_a_full_disk(void **state)
{
    assert_int_equal(symlink("/dev/full", fixture_path(*state, "log.jsonl")), 0);
    aed_log *log;
    assert_int_equal(aed_log_open(*state, &log), AED_OK);
    assert_int_equal(aed_log_write(log, "start", NULL, 0), AED_DATA);
    assert_non_null(strstr(aed_status_message(), "log.jsonl"));
    assert_non_null(strstr(aed_status_message(), "No space left"));
    aed_log_close(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_log_write_escapes_and_nulls, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_log_open_ends_a_half_line, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_log_write_reports_a_full_disk, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
