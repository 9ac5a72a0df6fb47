/* The tables of kinds as the reader relies on them: every registered kind is checked. */
#include "config/kinds.h"
#include "test_config.h"

static bool is_data_key(const char *name)
{
    const aed_section *section = aed_section_get(AED_SECTION_DATA);
    for (int i = 0; i < section->count; i++)
        if (strcmp(section->keys[i].name, name) == 0) return true;
    return false;
}

static void check_arg(aed_registry registry, const aed_kind *kind, const aed_arg_def *def)
{
    bool bounded = def->min != 0 || def->max != 0;
    if (!def->name || !def->help || !def->help[0])
        fail_msg("an argument of %s has no name or no help", kind->name);
    if (bounded && def->min > def->max) fail_msg("%s.%s: min is above max", kind->name, def->name);
    if (def->type == AED_ARG_CHOICE) {
        int count = 0;
        assert_non_null(def->choices);
        while (def->choices[count]) count++;
        if (def->fallback < 0 || def->fallback >= count)
            fail_msg("%s.%s: the fallback is no choice", kind->name, def->name);
    }
    if (def->type == AED_ARG_INT && def->fallback != (double)(int64_t)def->fallback)
        fail_msg("%s.%s: the fallback is not whole", kind->name, def->name);
    if (strcmp(def->name, "name") == 0 || strcmp(def->name, "weight") == 0 ||
        (registry == AED_REGISTRY_SOURCE && is_data_key(def->name)))
        fail_msg("%s.%s: the config has a meaning for that key itself", kind->name, def->name);
}

static void test_kinds_are_sound(void **state)
{
    (void)state;
    for (aed_registry registry = 0; registry < AED_REGISTRY_COUNT; registry++) {
        assert_true(aed_registry_size(NULL, registry) > 0);
        for (int i = 0; i < aed_registry_size(NULL, registry); i++) {
            const aed_kind *kind = aed_registry_kind(NULL, registry, i);
            bool main_found = !kind->main_arg;
            assert_ptr_equal(aed_registry_find(NULL, registry, kind->name), kind);
            for (int k = 0; k < kind->arg_count; k++) {
                check_arg(registry, kind, &kind->args[k]);
                for (int j = 0; j < k; j++)
                    assert_string_not_equal(kind->args[j].name, kind->args[k].name);
                if (kind->main_arg && strcmp(kind->args[k].name, kind->main_arg) == 0)
                    main_found = true;
            }
            if (!main_found) fail_msg("%s has no argument %s", kind->name, kind->main_arg);
        }
    }
}

/* What a key's help calls a whole number is drawn as one where a sweep makes the values. */
static void test_whole_numbers_are_listed(void **state)
{
    (void)state;
    for (aed_section_id id = 0; id < AED_SECTION_COUNT; id++) {
        const aed_section *section = aed_section_get(id);
        for (int i = 0; i < section->count; i++) {
            const aed_key *key = &section->keys[i];
            char path[128];
            if (strncmp(key->help, "whole number", 12) != 0) continue;
            snprintf(path, sizeof path, "%s%s%s", section->path, section->path[0] ? "." : "",
                     key->name);
            const char *const *whole = aed_section_wholes;
            while (*whole && strcmp(*whole, path) != 0) whole++;
            if (!*whole) fail_msg("%s is missing in aed_section_wholes", path);
        }
    }
}

/* An override reaches into `kind: value` only where that value's argument is known. */
static void test_main_arg_of_a_short_form(void **state)
{
    (void)state;
    assert_string_equal(aed_registry_main_arg(NULL, "linear", "bias"), "out");
    assert_string_equal(aed_registry_main_arg(NULL, "linear", "name"), "out");
    assert_string_equal(aed_registry_main_arg(NULL, "mse", "weight"), "weight");
    assert_null(aed_registry_main_arg(NULL, "linear", "kernel"));
    assert_null(aed_registry_main_arg(NULL, "conv1d", "out"));
    assert_null(aed_registry_main_arg(NULL, "nothing", "out"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds_are_sound),
        cmocka_unit_test(test_whole_numbers_are_listed),
        cmocka_unit_test(test_main_arg_of_a_short_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
