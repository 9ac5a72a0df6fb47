/* What the program prints on rank 0: summary, preview, progress, results. */
#ifndef AED_APP_REPORT_H
#define AED_APP_REPORT_H

#include "app/job.h"
#include "app/placement.h"
#include "config/text.h"
#include "train/trial.h"

/* The head of a run: model, data, engine, ranks. One paragraph. */
void aed_report_head(const aed_job *job, const aed_trainer *trainer);
/* --dry-run: layers, sizes, memory, trials. */
void aed_report_plan(const aed_job *job, const aed_trainer *trainer);
/* --preview: the first samples, clean and corrupted. Fails with AED_DATA. */
aed_status aed_report_preview(aed_trainer *trainer);

/* --profile: trains for a moment and prints where the time went, on rank 0. Collective. */
aed_status aed_report_profile(aed_trainer *trainer);

/* Progress of one trial: a bar on a terminal, a line an interval elsewhere. */
typedef struct aed_progress_line {
    const char *label; /* "seed=11" */
    int64_t samples;   /* of an epoch */
    int64_t every;     /* log.every: epochs between lines; 0: by time */
    bool terminal;
    double start, shown; /* seconds of the clock */
    int64_t skipped;     /* epochs since the clock was last read */
    double val_loss;
} aed_progress_line;

void aed_progress_begin(aed_progress_line *line, const aed_trial *trial, int64_t samples);
void aed_progress_epoch(aed_progress_line *line, const aed_progress *progress);
void aed_progress_end(aed_progress_line *line);

/* snapshots.print: adds the newest snapshot's first samples to `text`. Any leader of a group. */
void aed_report_snapshot(const aed_trial *trial, const aed_training *training, aed_text *text);

/* Where a sweep stands that several groups work on. */
typedef struct aed_sweep_progress {
    int64_t trials, ended, running;
    double seconds, left; /* since the start, and to come; NAN: not known yet */
} aed_sweep_progress;
void aed_progress_sweep(aed_progress_line *line, const aed_sweep_progress *progress, double now);

/* How the ranks are grouped, and why. */
void aed_report_placement(const aed_job *job, const aed_placement *placement);

/* One line a trial, then what the losses mean and where the results lie. */
void aed_report_trial(const aed_job *job, int64_t trial, const aed_trial_result *result);
void aed_report_end(const aed_job *job, const aed_run *run, double seconds);

/* "seed=11 noise_scale=0.5", or "seed=11" for a job of one trial; text holds `bytes`. */
void aed_report_label(const aed_trial *trial, char *text, size_t bytes);

#endif
