/* Samples, their codes and outputs, with each channel of the code zeroed too. */
#include "analysis/chosen.h"
#include "dist/dist.h"

aed_status aed_analyse_reconstruct(aed_analysis *analysis)
{
    aed_trainer *t = analysis->trainer;
    const aed_evaluation_spec samples = aed_analysis_samples(analysis->spec);
    aed_walk walk;
    aed_status status = aed_walk_create(t, &samples, false, &walk);
    if (status == AED_OK) status = aed_analysis_choose(analysis->spec, &walk);
    AED_TRY(aed_dist_agree(&t->comm, status));
    status = aed_chosen_look(analysis, &walk, NULL, 0, true);
done:
    aed_walk_destroy(&walk);
    return status;
}
