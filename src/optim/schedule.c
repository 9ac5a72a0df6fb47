/* Learning-rate schedules by epoch, as PyTorch's StepLR, CosineAnnealingLR and ReduceLROnPlateau, and a
 * linear warm-up by step that any of them may have. Epochs count from 0 here. */
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

static void constant_prepare(const aed_spec *spec, aed_schedule *schedule)
{
    (void)spec;
    (void)schedule;
}

static double constant_rate(const aed_schedule *schedule, int64_t epoch)
{
    (void)epoch;
    return schedule->lr;
}

enum { EVERY, GAMMA };

static void step_prepare(const aed_spec *spec, aed_schedule *schedule)
{
    schedule->settings[EVERY] = aed_spec_number(spec, "every");
    schedule->settings[GAMMA] = aed_spec_number(spec, "gamma");
}

static double step_rate(const aed_schedule *schedule, int64_t epoch)
{
    double factor = 1;
    const int64_t drops = epoch / (int64_t)schedule->settings[EVERY];
    for (int64_t i = 0; i < drops && factor != 0; i++) factor *= schedule->settings[GAMMA];
    return schedule->lr * factor;
}

enum { MIN };

static void cosine_prepare(const aed_spec *spec, aed_schedule *schedule)
{
    schedule->settings[MIN] = aed_spec_number(spec, "min");
}

static double cosine_rate(const aed_schedule *schedule, int64_t epoch)
{
    const double lr = schedule->lr, least = lr > 0 ? schedule->settings[MIN] / lr : 0;
    return lr *
           (least + (1 - least) * 0.5 * (1 + aed_cos_pi((double)epoch / (double)schedule->epochs)));
}

/* ---- plateau: state is the rate, the best loss, epochs since it, epochs of rest left ------------ */

enum { FACTOR, PATIENCE, MIN_LR, THRESHOLD, COOLDOWN };
enum { RATE, BEST, BAD, REST };

static void plateau_prepare(const aed_spec *spec, aed_schedule *schedule)
{
    static const char *const names[] = {[FACTOR] = "factor",
                                        [PATIENCE] = "patience",
                                        [MIN_LR] = "min_lr",
                                        [THRESHOLD] = "threshold",
                                        [COOLDOWN] = "cooldown"};
    for (int i = 0; i < AED_COUNT(names); i++)
        schedule->settings[i] = aed_spec_number(spec, names[i]);
    schedule->state[RATE] = schedule->lr;
    schedule->state[BEST] = __builtin_inf();
}

static double plateau_rate(const aed_schedule *schedule, int64_t epoch)
{
    (void)epoch;
    return schedule->state[RATE];
}

/* PyTorch's ReduceLROnPlateau with a relative threshold; a loss that stands for several epochs counts
 * as so many. NaN is no improvement. */
static void plateau_observe(aed_schedule *schedule, double loss, int64_t epochs)
{
    static const double least_change = 1e-8; /* PyTorch's eps */
    const double *settings = schedule->settings;
    double *state = schedule->state;
    const bool better = loss < state[BEST] * (1 - settings[THRESHOLD]);
    if (better) state[BEST] = loss;
    state[BAD] = better ? 0 : state[BAD] + (double)epochs;
    if (state[REST] > 0) {
        state[REST] = state[REST] > (double)epochs ? state[REST] - (double)epochs : 0;
        state[BAD] = 0;
    }
    if (!(state[BAD] > settings[PATIENCE])) return;
    const double lowered = state[RATE] * settings[FACTOR];
    const double rate = lowered > settings[MIN_LR] ? lowered : settings[MIN_LR];
    if (state[RATE] - rate > least_change) state[RATE] = rate;
    state[REST] = settings[COOLDOWN];
    state[BAD] = 0;
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

static const aed_arg_def plateau_args[] = {
    {"factor", AED_ARG_FLOAT, false, 0.1, 0, 0.999999, NULL, "factor of a drop"},
    {"patience", AED_ARG_INT, false, 10, 0, 1e9, NULL,
     "epochs without a better val_loss that are borne"},
    {"min_lr", AED_ARG_FLOAT, false, 0, 0, 1e38, NULL, "least learning rate"},
    {"threshold", AED_ARG_FLOAT, false, 1e-4, 0, 1, NULL,
     "relative improvement that counts as one"},
    {"cooldown", AED_ARG_INT, false, 0, 0, 1e9, NULL, "epochs after a drop that do not count"},
    WARMUP,
};

static const aed_schedule_ops constant_ops = {
    {"constant", "the same rate throughout", constant_args, AED_COUNT(constant_args), NULL},
    constant_prepare,
    constant_rate,
    NULL};
static const aed_schedule_ops step_ops = {
    {"step", "times gamma every so many epochs", step_args, AED_COUNT(step_args), NULL},
    step_prepare,
    step_rate,
    NULL};
static const aed_schedule_ops cosine_ops = {
    {"cosine", "half a cosine down to min", cosine_args, AED_COUNT(cosine_args), NULL},
    cosine_prepare,
    cosine_rate,
    NULL};
static const aed_schedule_ops plateau_ops = {{"plateau",
                                              "times factor whenever val_loss has stopped falling",
                                              plateau_args, AED_COUNT(plateau_args), NULL},
                                             plateau_prepare,
                                             plateau_rate,
                                             plateau_observe};

static const aed_schedule_ops *const table[] = {&constant_ops, &step_ops, &cosine_ops,
                                                &plateau_ops};

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
    schedule->ops->prepare(spec, schedule);
}

double aed_schedule_lr(const aed_schedule *schedule, int64_t epoch, int64_t step, int64_t steps)
{
    const aed_schedule *s = schedule;
    const double rate = s->ops->rate(s, epoch);
    if (epoch >= s->warmup) return rate;
    return rate * ((double)epoch * (double)steps + (double)step + 1) /
           ((double)s->warmup * (double)steps);
}

void aed_schedule_observe(aed_schedule *schedule, double loss, int64_t epochs)
{
    if (schedule->ops->observe) schedule->ops->observe(schedule, loss, epochs);
}
