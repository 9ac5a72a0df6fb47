/* What the checks of set-ups found in the trials of a job: see train/checks.h. */
#ifndef AED_APP_FINDINGS_H
#define AED_APP_FINDINGS_H

#include "config/config.h"
#include "train/checks.h"

/* One message, whatever the number of trials that it is about. */
typedef struct aed_finding {
    aed_check rule;
    aed_check_level level;
    char *text;
    char *first; /* label of the first of its trials */
    int64_t trials;
} aed_finding;

typedef struct aed_findings {
    aed_finding *list; /* in the order found */
    int64_t count;
} aed_findings;

/* Applies all rules that the trial's config wants to its planned trainer and adds what they find; fails
 * with AED_CONFIG on the first that is an error there, with AED_MEMORY. */
aed_status aed_findings_add(aed_findings *findings, const aed_trial *trial,
                            const aed_trainer *trainer);
void aed_findings_destroy(aed_findings *findings);

/* On stderr the warnings, on stdout the notes; a message that is not about all `trials` of the job says
 * about how many. */
void aed_findings_print_warnings(const aed_findings *findings, int64_t trials);
void aed_findings_print_notes(const aed_findings *findings, int64_t trials);

#endif
