/* Configs: the text, and behind a byte of 0 overrides, each ended likewise.
 *
 * What is taken must be written out as it is read back, as results and reruns rely on it. */
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "core/memory.h"
#include "fuzz.h"

enum { MOST_OVERRIDES = 8 };

/* A trial's resolved text reads back and resolves to the same, which its id is made of. */
static void check_resolved(const aed_config *config)
{
    char *first, *second, id[16], again_id[16];
    aed_trial_list again;
    FUZZ_EXPECT(aed_config_resolve(config, 16, 16, &first) == AED_OK);
    FUZZ_EXPECT(aed_config_parse(first, "again.yaml", NULL, 0, &again) == AED_OK);
    FUZZ_EXPECT(again.count == 1);
    FUZZ_EXPECT(aed_config_resolve(&again.trials[0].config, 16, 16, &second) == AED_OK);
    FUZZ_EXPECT(strcmp(first, second) == 0);
    FUZZ_EXPECT(aed_config_trial_id(config, 16, 16, id) == AED_OK);
    FUZZ_EXPECT(aed_config_trial_id(&again.trials[0].config, 16, 16, again_id) == AED_OK);
    FUZZ_EXPECT(strcmp(id, again_id) == 0);
    aed_free(second);
    aed_free(first);
    aed_trial_list_destroy(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *overrides[MOST_OVERRIDES];
    int count = 0;
    aed_trial_list trials;
    char *text = aed_alloc(size + 1, 1), *list;
    FUZZ_EXPECT(text != NULL);
    memcpy(text, data, size);
    for (char *at = text + strlen(text) + 1; at < text + size && count < MOST_OVERRIDES;
         at += strlen(at) + 1)
        overrides[count++] = at;
    const aed_status status = aed_config_parse(text, "fuzz.yaml", overrides, count, &trials);
    if (status == AED_OK) {
        check_resolved(&trials.trials[0].config);
        check_resolved(&trials.trials[trials.count - 1].config);
        FUZZ_EXPECT(aed_config_resolve_list(&trials, 16, 16, &list) == AED_OK);
        aed_free(list);
        aed_trial_list_destroy(&trials);
    } else {
        fuzz_expect_refusal(status);
    }
    aed_free(text);
    return 0;
}
