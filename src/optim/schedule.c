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

static double constant_factor(const aed_spec *spec, int64_t epoch, int64_t epochs, double lr)
{
    (void)spec;
    (void)epoch;
    (void)epochs;
    (void)lr;
    return 1;
}

static double step_factor(const aed_spec *spec, int64_t epoch, int64_t epochs, double lr)
{
    (void)epochs;
    (void)lr;
    double factor = 1;
    const int64_t drops = epoch / aed_spec_int(spec, "every");
    const double gamma = aed_spec_number(spec, "gamma");
    for (int64_t i = 0; i < drops && factor != 0; i++) factor *= gamma;
    return factor;
}

static double cosine_factor(const aed_spec *spec, int64_t epoch, int64_t epochs, double lr)
{
    const double least = lr > 0 ? aed_spec_number(spec, "min") / lr : 0;
    return least + (1 - least) * 0.5 * (1 + aed_cos_pi((double)epoch / (double)epochs));
}

#define WARMUP \
    {"warmup", AED_ARG_INT, false, 0, 0, 1e9, NULL, "epochs of linear warm-up from 0"}

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
    constant_factor};
static const aed_schedule_ops step_ops = {
    {"step", "times gamma every so many epochs", step_args, AED_COUNT(step_args), NULL},
    step_factor};
static const aed_schedule_ops cosine_ops = {
    {"cosine", "half a cosine down to min", cosine_args, AED_COUNT(cosine_args), NULL},
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

double aed_schedule_lr(const aed_spec *spec, double lr, int64_t epoch, int64_t epochs, int64_t step,
                       int64_t steps)
{
    const aed_schedule_ops *ops = aed_schedule_find(spec->kind->name);
    double rate = lr * ops->factor(spec, epoch, epochs, lr);
    const int64_t warm = aed_spec_int(spec, "warmup");
    if (epoch < warm)
        rate *= ((double)epoch * (double)steps + (double)step + 1) / ((double)warm * (double)steps);
    return rate;
}
