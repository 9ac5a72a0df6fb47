/* How info shows what a file of a run holds. */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "app/info.h"

enum { LISTED = 12 }; /* values of an axis */

void aed_info_line(const char *what, const char *format, ...)
{
    va_list args;
    char text[4096];
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    /* Texts are from files: a line is one line, and steers no terminal (as U+0080 to U+009F do). */
    for (char *at = text; *at; at++) {
        const bool is_control = (unsigned char)*at < 0x20 || *at == 0x7F;
        const bool begins_one = (unsigned char)at[0] == 0xC2 && (unsigned char)at[1] < 0xA0;
        if (is_control || begins_one) *at = '?';
    }
    printf("%-10s%s\n", what, text);
}

static void show_trials(const aed_contents *contents)
{
    static const char *const states[] = {"done", "failed", "running", "pending"};
    char text[256];
    size_t at = (size_t)snprintf(text, sizeof text, "%" PRId64, contents->trial_count);
    for (size_t s = 0; s < sizeof states / sizeof *states; s++) {
        int64_t count = 0;
        for (int64_t i = 0; i < contents->trial_count; i++)
            count += strcmp(contents->trials[i].status, states[s]) == 0;
        if (count > 0)
            at += (size_t)snprintf(text + at, sizeof text - at, "%s%" PRId64 " %s",
                                   strchr(text, ':') ? ", " : ": ", count, states[s]);
    }
    aed_info_line("trials", "%s", text);
}

/* "a, b, c and 7 more" */
static void list_texts(const char *const *texts, int64_t count, int64_t most, char *list,
                       size_t bytes)
{
    size_t at = 0;
    int64_t shown = 0;
    list[0] = '\0';
    for (; shown < count && shown < most && at + strlen(texts[shown]) + 32 < bytes; shown++)
        at += (size_t)snprintf(list + at, bytes - at, "%s%s", shown ? ", " : "", texts[shown]);
    if (shown < count) snprintf(list + at, bytes - at, " and %" PRId64 " more", count - shown);
}

static void show_parameters(const aed_contents *contents)
{
    int64_t numbers = 0;
    char shape[96];
    for (int64_t i = 0; i < contents->tensor_count; i++)
        numbers += aed_shape_count(&contents->tensors[i].shape);
    aed_info_line("model", "%" PRId64 " parameters in %" PRId64 " tensors", numbers,
                  contents->tensor_count);
    for (int64_t i = 0; i < contents->tensor_count; i++)
        aed_info_line("", "%-24s %s", contents->tensors[i].name,
                      aed_shape_text(&contents->tensors[i].shape, shape));
}

void aed_info_contents(const aed_contents *contents)
{
    char list[2048];
    if (contents->name) aed_info_line("config", "%s", contents->name);
    show_trials(contents);
    for (int64_t a = 0; a < contents->axis_count; a++) {
        const aed_contents_axis *axis = &contents->axes[a];
        list_texts(axis->values, axis->count, LISTED, list, sizeof list);
        aed_info_line(a == 0 ? "sweep" : "", "%s: %s", axis->name, list);
    }
    if (contents->best >= 0) {
        const aed_contents_trial *best = &contents->trials[contents->best];
        aed_info_line("best", "%s  val_loss %.6g  %s", best->id, best->val_loss,
                      contents->best_settings);
    }
    if (contents->metric_count > 0) {
        list_texts(contents->metrics, contents->metric_count, contents->metric_count, list,
                   sizeof list);
        aed_info_line("metrics", "%s; %" PRId64 " %s", list, contents->rows,
                      contents->rows == 1 ? "row" : "rows");
    }
    if (contents->tensor_count > 0) show_parameters(contents);
}
