/* Progress of a trial; see report.h. The clock is read once in a while only: an epoch may be one
 * microsecond long. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/report.h"
#include "core/clock.h"

static const double TERMINAL_INTERVAL = 0.2, LOG_INTERVAL = 15;
enum { EPOCHS_A_LOOK = 256, BAR = 24 };

void aed_report_label(const aed_trial *trial, char *text, size_t bytes)
{
    if (trial->setting_count == 0) {
        snprintf(text, bytes, "seed=%" PRIu64, trial->config.seed);
        return;
    }
    size_t at = 0;
    text[0] = '\0';
    for (int64_t i = 0; i < trial->setting_count && at < bytes; i++)
        at += (size_t)snprintf(text + at, bytes - at, "%s%s=%s", i ? " " : "",
                               trial->settings[i].axis, trial->settings[i].text);
}

/* Whether a person watches. Open MPI gives its ranks a pseudo-terminal even where its own output goes
 * to a file: then the launcher's standard output is what counts. */
static bool watched(void)
{
    char path[64], target[256];
    if (isatty(STDOUT_FILENO) != 1) return false;
    if (!getenv("OMPI_COMM_WORLD_RANK")) return true;
    snprintf(path, sizeof path, "/proc/%ld/fd/1", (long)getppid());
    const ssize_t length = readlink(path, target, sizeof target - 1);
    if (length < 0) return false;
    target[length] = '\0';
    return strncmp(target, "/dev/pts/", 9) == 0 || strncmp(target, "/dev/tty", 8) == 0;
}

void aed_progress_begin(aed_progress_line *line, const aed_trial *trial, int64_t samples)
{
    static char label[200];
    aed_report_label(trial, label, sizeof label);
    *line = (aed_progress_line){.label = label,
                                .samples = samples,
                                .every = trial->config.log_every,
                                .terminal = watched(),
                                .start = aed_clock_seconds(),
                                .val_loss = NAN};
    line->shown = line->start;
}

/* "1.23 M", "456 k", "78". */
static void format_rate(double rate, char *text, size_t bytes)
{
    if (rate >= 1e6)
        snprintf(text, bytes, "%.2f M", rate / 1e6);
    else if (rate >= 1e3)
        snprintf(text, bytes, "%.0f k", rate / 1e3);
    else
        snprintf(text, bytes, "%.0f", rate);
}

static void show(aed_progress_line *line, const aed_progress *progress, double now)
{
    char rate[32], val[32] = "-", bar[BAR + 1];
    const double seconds = now - line->start, done = (double)progress->epoch;
    const double rest = seconds / done * (double)(progress->epochs - progress->epoch);
    const int64_t left = rest < 1e15 ? (int64_t)rest : 0;
    format_rate(seconds > 0 ? done * (double)line->samples / seconds : 0, rate, sizeof rate);
    if (!isnan(line->val_loss)) snprintf(val, sizeof val, "%.4g", line->val_loss);
    const int filled = (int)(progress->epoch * BAR / progress->epochs);
    for (int i = 0; i < BAR; i++) bar[i] = i < filled ? '#' : '.';
    bar[BAR] = '\0';
    printf("%s%s  %s%s%sepoch %" PRId64 "/%" PRId64
           "  train_loss %.4g  val_loss %s  %s samples/s  %" PRId64 ":%02d left%s",
           line->terminal ? "\r\x1b[K" : "", line->label, line->terminal ? "[" : "",
           line->terminal ? bar : "", line->terminal ? "] " : "", progress->epoch, progress->epochs,
           progress->train_loss, val, rate, left / 60, (int)(left % 60),
           line->terminal ? "" : "\n");
    fflush(stdout);
    line->shown = now;
}

void aed_progress_epoch(aed_progress_line *line, const aed_progress *progress)
{
    if (progress->recorded) line->val_loss = progress->val_loss;
    if (!line->terminal && line->every > 0) {
        if (progress->epoch % line->every == 0) show(line, progress, aed_clock_seconds());
        return;
    }
    /* A recorded epoch has just evaluated everything: reading the clock there costs nothing. */
    if (!progress->recorded && ++line->skipped < EPOCHS_A_LOOK && line->samples < 1000) return;
    line->skipped = 0;
    const double now = aed_clock_seconds();
    if (now - line->shown >= (line->terminal ? TERMINAL_INTERVAL : LOG_INTERVAL))
        show(line, progress, now);
}

void aed_progress_sweep(aed_progress_line *line, const aed_sweep_progress *progress, double now)
{
    if (line->start == 0)
        *line = (aed_progress_line){.terminal = watched(), .start = now, .shown = now};
    if (now - line->shown < (line->terminal ? TERMINAL_INTERVAL : LOG_INTERVAL)) return;
    char bar[BAR + 1];
    const int filled = (int)(progress->ended * BAR / progress->trials);
    for (int i = 0; i < BAR; i++) bar[i] = i < filled ? '#' : '.';
    bar[BAR] = '\0';
    printf("%s%s%s%s%" PRId64 "/%" PRId64 " trials ended, %" PRId64 " running",
           line->terminal ? "\r\x1b[K" : "", line->terminal ? "[" : "", line->terminal ? bar : "",
           line->terminal ? "] " : "", progress->ended, progress->trials, progress->running);
    if (progress->left < 1e9) {
        const int64_t left = (int64_t)progress->left;
        printf("  %" PRId64 ":%02d left", left / 60, (int)(left % 60));
    }
    if (!line->terminal) printf("\n");
    fflush(stdout);
    line->shown = now;
}

void aed_progress_end(aed_progress_line *line)
{
    if (line->terminal && line->shown > line->start) {
        fputs("\r\x1b[K", stdout);
        fflush(stdout);
    }
}
