/* snapshots.print: what the model makes of a few samples, as numbers on the terminal; see report.h. */
#include <inttypes.h>
#include <string.h>

#include "app/report.h"

/* More than this is no reading, but all of it is in results.h5. */
enum { MOST_SAMPLES = 4, MOST_ROWS = 4, MOST_NUMBERS = 12 };

/* A sample's numbers, a line for each row of its last dimension; the first ones of each. */
static void add_numbers(aed_text *text, const char *name, const float *values,
                        const aed_shape *shape)
{
    const int64_t count = aed_shape_count(shape), length = shape->size[shape->rank - 1];
    const int64_t rows = count / length;
    for (int64_t row = 0; row < rows && row < MOST_ROWS; row++) {
        aed_text_addf(text, "    %-8s", row == 0 ? name : "");
        for (int64_t i = 0; i < length && i < MOST_NUMBERS; i++)
            aed_text_addf(text, " %8.3g", (double)values[row * length + i]);
        aed_text_add(text, length > MOST_NUMBERS ? " ...\n" : "\n");
    }
    if (rows > MOST_ROWS) aed_text_addf(text, "    ... %" PRId64 " rows in all\n", rows);
}

void aed_report_snapshot(const aed_trial *trial, const aed_training *training, aed_text *text)
{
    const aed_snapshots *s = &training->snapshots;
    const aed_model *model = &training->trainer->model;
    const aed_shape *shape = &model->layers[model->layer_count - 1].out;
    const int64_t newest = s->count - 1,
                  shown = s->samples < MOST_SAMPLES ? s->samples : MOST_SAMPLES;
    const float *output = s->output + newest * s->samples * s->outputs;
    char label[200];
    aed_report_label(trial, label, sizeof label);
    aed_text_addf(text, "snapshot  epoch %" PRId64 " of %s", s->epochs[newest], label);
    if (shown < s->samples)
        aed_text_addf(text, ", the first %" PRId64 " of %" PRId64 " samples", shown, s->samples);
    aed_text_add(text, "\n");
    for (int64_t i = 0; i < shown; i++) {
        const float *clean = s->clean + i * s->inputs, *input = s->input + i * s->inputs;
        aed_text_addf(text, "  sample %" PRId64 "\n", s->walk.places[i]);
        add_numbers(text, "clean", clean, &model->input);
        if (memcmp(clean, input, (size_t)s->inputs * sizeof *clean) != 0)
            add_numbers(text, "noisy", input, &model->input);
        add_numbers(text, "output", output + i * s->outputs, shape);
    }
}
