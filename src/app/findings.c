/* See findings.h. */
#include "app/findings.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "app/report.h"
#include "config/kinds.h"
#include "core/memory.h"

static const char *rule_name(aed_check rule)
{
    return aed_section_get(AED_SECTION_CHECKS)->keys[rule].name;
}

static aed_finding *find(const aed_findings *findings, aed_check_level level, const char *text)
{
    for (int64_t i = 0; i < findings->count; i++)
        if (findings->list[i].level == level && strcmp(findings->list[i].text, text) == 0)
            return &findings->list[i];
    return NULL;
}

static aed_status take(aed_findings *findings, const aed_trial *trial, aed_check rule,
                       aed_check_level level, const char *text)
{
    char label[240];
    aed_finding *same = find(findings, level, text);
    if (same) {
        same->trials++;
        return AED_OK;
    }
    aed_finding *list = aed_realloc(findings->list, (size_t)findings->count + 1, sizeof *list);
    if (!list) return aed_fail(AED_MEMORY, "out of memory for the checks of the set-up");
    findings->list = list;
    aed_report_label(trial, label, sizeof label);
    list[findings->count] = (aed_finding){.rule = rule,
                                          .level = level,
                                          .text = aed_strdup(text),
                                          .first = aed_strdup(label),
                                          .trials = 1};
    const aed_finding *added = &list[findings->count++];
    if (!added->text || !added->first)
        return aed_fail(AED_MEMORY, "out of memory for the checks of the set-up");
    return AED_OK;
}

aed_status aed_findings_add(aed_findings *findings, const aed_trial *trial,
                            const aed_trainer *trainer)
{
    char text[AED_FINDING_BYTES];
    aed_status status = AED_OK;
    for (aed_check rule = 0; rule < AED_CHECK_COUNT; rule++) {
        const aed_check_level level = trial->config.checks[rule];
        if (level == AED_CHECK_NONE) continue;
        AED_TRY(aed_check_find(trainer, rule, text));
        if (!text[0]) continue;
        if (level == AED_CHECK_ERROR)
            AED_TRY(aed_fail(AED_CONFIG, "%s (the rule checks.%s)", text, rule_name(rule)));
        AED_TRY(take(findings, trial, rule, level, text));
    }
done:
    return status;
}

void aed_findings_destroy(aed_findings *findings)
{
    for (int64_t i = 0; i < findings->count; i++) {
        aed_free(findings->list[i].text);
        aed_free(findings->list[i].first);
    }
    aed_free(findings->list);
    *findings = (aed_findings){0};
}

static void print(const aed_findings *findings, aed_check_level level, int64_t trials, FILE *to,
                  const char *head)
{
    for (int64_t i = 0; i < findings->count; i++) {
        const aed_finding *finding = &findings->list[i];
        if (finding->level != level) continue;
        fprintf(to, "%s%s (the rule checks.%s", head, finding->text, rule_name(finding->rule));
        if (finding->trials < trials)
            fprintf(to, "; %" PRId64 " of %" PRId64 " trials, the first: %s", finding->trials,
                    trials, finding->first);
        fprintf(to, ")\n");
    }
    fflush(to);
}

void aed_findings_print_warnings(const aed_findings *findings, int64_t trials)
{
    print(findings, AED_CHECK_WARN, trials, stderr, "aedist: warning: ");
}

void aed_findings_print_notes(const aed_findings *findings, int64_t trials)
{
    print(findings, AED_CHECK_NOTE, trials, stdout, "note      ");
}
