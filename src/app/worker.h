/* What every rank does: it belongs to a group and trains the trials that rank 0 gives to the group's
 * leader, until there are none. */
#ifndef AED_APP_WORKER_H
#define AED_APP_WORKER_H

#include "app/placement.h"
#include "app/root.h"

/* Works until rank 0 ends it. `root` is NULL on other ranks. What goes wrong with the run as a whole
 * is told to rank 0, and known to it afterwards. Collective. */
aed_status aed_worker_run(aed_job *job, const aed_placement *placement, aed_mailbox *box,
                          aed_root *root);

#endif
