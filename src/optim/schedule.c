/* Learning-rate schedules by epoch, as PyTorch's StepLR and CosineAnnealingLR, and a linear warm-up
 * by step that any of them may have. Epochs count from 0 here. */
#include <string.h>

#include "optim/optim.h"

double aed_cos_pi(double t)
{
    /* cos(pi t) = sin(pi (1/2 - t)): Taylor's series of the sine on [-pi/2, pi/2] to x^23, whose
     * next term is below 1e-20. */
    const double x = 3.14159265358979323846 * (0.5 - t), z = x * x;
    double sum = 0;
    for (int n = 23; n >= 3; n -= 2) sum = (1 + sum) * (-z / (n * (n - 1)));
    return x * (1 + sum);
}

static void constant_prepare(const aed_spec *spec, double *settings)
{
    (void)spec;
    (void)settings;
}

static double constant_factor(const double *settings, int64_t epoch, int64_t epochs, double lr)
{
    (void)settings;
    (void)epoch;
    (void)epochs;
    (void)lr;
    return 1;
}

enum { EVERY, GAMMA };

static void step_prepare(const aed_spec *spec, double *settings)
{
    settings[EVERY] = aed_spec_number(spec, "every");
    settings[GAMMA] = aed_spec_number(spec, "gamma");
}

static double step_factor(const double *settings, int64_t epoch, int64_t epochs, double lr)
{
    (void)epochs;
    (void)lr;
    double factor = 1;
    const int64_t drops = epoch / (int64_t)settings[EVERY];
    for (int64_t i = 0; i < drops && factor != 0; i++) factor *= settings[GAMMA];
    return factor;
}

enum { MIN };

static void cosine_prepare(const aed_spec *spec, double *settings)
{
    settings[MIN] = aed_spec_number(spec, "min");
}

static double cosine_factor(const double *settings, int64_t epoch, int64_t epochs, double lr)
{
    const double least = lr > 0 ? settings[MIN] / lr : 0;
    return least + (1 - least) * 0.5 * (1 + aed_cos_pi((double)epoch / (double)epochs));
}

#define WARMUP                                                                           \
    {                                                                                    \
        "warmup", AED_ARG_INT, false, 0, 0, 1e9, NULL, "epochs of linear warm-up from 0" \
    }

static const aed_arg_def constant_args[] = {WARMUP};
static const aed_arg_def step_args[] = {
    {"every", AED_ARG_INT, true, 0, 1, 1e9, NULL, "epochs between drops"},
    {"gamma", AED_ARG_FLOAT, false, 0.1, 0, 1, NULL, "factor of a drop"},
    WARMUP,
};
static const aed_arg_def cosine_args[] = {
    {"min", AED_ARG_FLOAT, false, 0, 0, 1e38, NULL, "learning rate at the end"},
    WARMUP,
};

static const aed_schedule_ops constant_ops = {
    {"constant", "the same rate throughout", constant_args, AED_COUNT(constant_args), NULL},
    constant_prepare,
    constant_factor};
static const aed_schedule_ops step_ops = {
    {"step", "times gamma every so many epochs", step_args, AED_COUNT(step_args), NULL},
    step_prepare,
    step_factor};
static const aed_schedule_ops cosine_ops = {
    {"cosine", "half a cosine down to min", cosine_args, AED_COUNT(cosine_args), NULL},
    cosine_prepare,
    cosine_factor};

static const aed_schedule_ops *const table[] = {&constant_ops, &step_ops, &cosine_ops};

const aed_schedule_ops *const *aed_schedule_table(int *count)
{
    *count = AED_COUNT(table);
    return table;
}

const aed_schedule_ops *aed_schedule_find(const char *name)
{
    for (int i = 0; i < AED_COUNT(table); i++)
        if (strcmp(table[i]->kind.name, name) == 0) return table[i];
    return NULL;
}

void aed_schedule_prepare(const aed_spec *spec, double lr, int64_t epochs, aed_schedule *schedule)
{
    *schedule = (aed_schedule){.ops = aed_schedule_find(spec->kind->name),
                               .lr = lr,
                               .epochs = epochs,
                               .warmup = aed_spec_int(spec, "warmup")};
    schedule->ops->prepare(spec, schedule->settings);
}

double aed_schedule_lr(const aed_schedule *schedule, int64_t epoch, int64_t step, int64_t steps)
{
    const aed_schedule *s = schedule;
    const double rate = s->lr * s->ops->factor(s->settings, epoch, s->epochs, s->lr);
    if (epoch >= s->warmup) return rate;
    return rate * ((double)epoch * (double)steps + (double)step + 1) /
           ((double)s->warmup * (double)steps);
}
