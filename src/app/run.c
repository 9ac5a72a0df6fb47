/* The run: rank 0 opens the folder and keeps the queue, groups of ranks train; see run.h. */
#include "app/run.h"

#include "app/placement.h"
#include "app/root.h"
#include "app/worker.h"
#include "core/memory.h"

/* What rank 0 knows and all need: the number of trials to be trained, and one of them. */
static aed_status share_pending(const aed_job *job, const aed_root *root, int64_t pending[2])
{
    if (root) pending[0] = aed_root_pending(root, &pending[1]);
    return aed_dist_broadcast(&job->world, pending, 2 * sizeof *pending, 0);
}

static aed_status train_all(aed_job *job, int64_t pending, int64_t trial, aed_root *root)
{
    aed_status status;
    aed_placement placement;
    aed_mailbox *box = NULL;
    AED_TRY(aed_placement_choose(job, pending, trial, &placement));
    AED_TRY(aed_mailbox_create(&job->world, &box));
    if (root) status = aed_root_begin(root, box, &placement);
    AED_TRY(aed_dist_agree(&job->world, status));
    AED_TRY(aed_worker_run(job, &placement, box, root));
done:
    aed_mailbox_destroy(&box);
    return status;
}

aed_status aed_app_run(aed_job *job, const aed_options *options, const char *command, double start)
{
    aed_status status = AED_OK;
    aed_root *root = NULL;
    char *hosts = NULL;
    int64_t pending[2] = {0, 0};
    AED_TRY(aed_dist_hosts(&job->world, &hosts));
    if (job->world.rank == 0) status = aed_root_create(job, options, command, hosts, start, &root);
    AED_TRY(aed_dist_agree(&job->world, status));
    AED_TRY(share_pending(job, root, pending));
    if (pending[0] > 0) AED_TRY(train_all(job, pending[0], pending[1], root));
    if (root) status = aed_root_finish(root);
    status = aed_dist_agree(&job->world, status);
done:
    aed_root_destroy(&root);
    aed_free(hosts);
    return status;
}
