/* A job: the trials of one config, planned, and the data that they train on. */
#ifndef AED_APP_JOB_H
#define AED_APP_JOB_H

#include "aedist/data.h"
#include "app/findings.h"
#include "app/options.h"
#include "config/config.h"
#include "dist/dist.h"
#include "io/results.h"
#include "train/initial.h"
#include "train/trainer.h"

/* What follows from a trial's config and data before any training. */
typedef struct aed_plan {
    char id[16];
    int64_t tile, leaf, leaves; /* leaves of a batch: the number of useful ranks */
    int64_t code_size;
    double cost; /* operations of the forward passes of all epochs: what makes a trial long */
    double evaluation_cost; /* operations of the evaluations between them */
    double bytes;           /* of a rank, as aed_job_memory counts */
    double data_mark;       /* of the samples, as aed_source_mark gives it */
} aed_plan;

typedef struct aed_job {
    aed_comm world;
    aed_trial_list list;
    aed_plan *plans; /* a trial each */
    aed_initials initials;
    aed_findings findings; /* of all parts */
    char *output;          /* folder */
    char *resolved;        /* the config with all defaults written out, of the whole sweep */
    aed_part part;
    int64_t sweep_count; /* trials of all parts */
    double program_mark; /* of the executable file of rank 0; 0: not known */

    /* The data of trial `data_trial`; shared by all trials unless a data key is swept. */
    int64_t data_trial; /* -1: none yet */
    aed_source source;
    aed_dataset dataset;
    double data_mark;
    double mean_floor, pca_floor; /* NAN: not computed */
    int64_t floor_rank;
} aed_job;

/* Reads the config on rank 0, shares it, plans every trial of the sweep, and keeps those of
 * options->part. Collective; fails alike. */
aed_status aed_job_create(const aed_options *options, const aed_comm *world, aed_job *job);
void aed_job_destroy(aed_job *job);

/* Makes the data of `trial` current. Collective over `group`; fails alike. */
aed_status aed_job_load_data(aed_job *job, int64_t trial, const aed_comm *group);

/* The engine of `trial` over its data, shared by the ranks of `group`. Collective over these; fails
 * alike. */
aed_status aed_job_create_trainer(aed_job *job, int64_t trial, const aed_comm *group,
                                  aed_trainer *trainer);

/* What a rank of a trial takes, in bytes, besides MPI's and the libraries' own. */
typedef struct aed_memory {
    double data, parameters, tile;
} aed_memory;
aed_memory aed_job_memory(const aed_job *job, const aed_trainer *trainer);

/* Floors of the squared error for a code of `rank` numbers into job->mean_floor and pca_floor; NAN
 * where they are not to be had quickly. Not collective. */
aed_status aed_job_floors(aed_job *job, int64_t rank);

#endif
