/* What is found out about a run as a whole. */
#ifndef AED_APP_MATCHES_H
#define AED_APP_MATCHES_H

#include "analysis/matches.h"
#include "config/config.h"
#include "io/results.h"

/* If the config of one of the trials, or `wanted`, asks for it: matches the filters of all trials that
 * are done, so that the run's next results.h5 has them below /analysis. *matches has to live until it
 * is written; destroy in any case. Rank 0 only. Fails with AED_DATA, AED_MEMORY. */
aed_status aed_app_match(aed_run *run, const aed_trial_list *list, bool wanted,
                         aed_analyses *matches);

#endif
