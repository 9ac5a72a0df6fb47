/* How the job is run, which shows in no trial's numbers: checkpoints, ranks a trial, its time. */
#include "config/read.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config/scalar.h"

typedef struct unit {
    const char *name;
    double factor;
} unit;

static const unit minutes[] = {{"s", 1.0 / 60}, {"min", 1}, {"h", 60}};

/* "<number> <unit>", the blank may be missing. *rest is the unit. False if it is no number >= 0. */
static bool split_amount(const char *text, double *number, const char **rest)
{
    char *end;
    if (!(text[0] >= '0' && text[0] <= '9')) return false;
    *number = strtod(text, &end);
    *rest = end + strspn(end, " ");
    return *number >= 0 && *number <= AED_LARGEST_AMOUNT;
}

/* "10 min", "2.5h", "90 s" in minutes. */
static bool read_duration(const char *text, double *value)
{
    const char *rest;
    if (!split_amount(text, value, &rest)) return false;
    for (size_t i = 0; i < sizeof minutes / sizeof *minutes; i++) {
        if (strcmp(rest, minutes[i].name) != 0) continue;
        *value *= minutes[i].factor;
        return true;
    }
    return false;
}

static bool read_epochs(const char *text, int64_t *epochs)
{
    const char *rest;
    double number;
    if (!split_amount(text, &number, &rest)) return false;
    if (strcmp(rest, "epochs") != 0 && strcmp(rest, "epoch") != 0) return false;
    if (!(number >= 1 && number <= (double)UINT32_MAX && number == floor(number))) return false;
    *epochs = (int64_t)number;
    return true;
}

static aed_status read_checkpoint(const aed_node *node, aed_config *config)
{
    aed_status status = AED_OK;
    const char *text;
    if (aed_node_is_null(node)) return AED_OK;
    AED_TRY(aed_read_section(node, AED_SECTION_CHECKPOINT));
    const aed_node *every = aed_node_get(node, "every");
    AED_TRY(aed_read_count(node, "keep", 1, NULL, &config->checkpoint_keep));
    if (aed_node_is_null(every)) return AED_OK;
    AED_TRY(aed_scalar_text(every, "'every'", &text));
    config->checkpoint_minutes = 0;
    if (strcmp(text, "none") == 0 || read_epochs(text, &config->checkpoint_epochs)) return AED_OK;
    if (!read_duration(text, &config->checkpoint_minutes) || !(config->checkpoint_minutes > 0))
        status = aed_place_fail(every->place,
                                "'every' of checkpoint is %s, but must be a time such as 10 min, a "
                                "number of epochs such as 5 epochs, or none",
                                aed_show(text).text);
done:
    return status;
}

static aed_status read_time_limit(const aed_node *node, double *limit)
{
    const char *text;
    if (aed_node_is_null(node)) return AED_OK;
    aed_status status = aed_scalar_text(node, "'time_limit'", &text);
    if (status != AED_OK || strcmp(text, "none") == 0) return status;
    if (!read_duration(text, limit) || !(*limit > 0))
        return aed_place_fail(node->place,
                              "'time_limit' is %s, but must be a time such as 55 min or 11.5 h, or "
                              "none",
                              aed_show(text).text);
    return AED_OK;
}

aed_status aed_read_job(const aed_node *root, aed_config *config)
{
    aed_status status;
    config->checkpoint_minutes = 10;
    config->checkpoint_keep = 2;
    AED_TRY(read_checkpoint(aed_node_get(root, "checkpoint"), config));
    AED_TRY(aed_read_count(root, "ranks_per_trial", 1, "auto", &config->ranks_per_trial));
    AED_TRY(read_time_limit(aed_node_get(root, "time_limit"), &config->time_limit));
done:
    return status;
}
