/* Which convolutions are computed by minimal filtering, and in which of their three products: what their speed
 * rests on, and the tests of filtered layers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "layer/product.h"
#include "support/layer_run.h"

#define IMAGE(channels, height, width) \
    {                                  \
        3, { channels, height, width } \
    }

typedef struct choice {
    const char *kind, *args;
    aed_shape in;
    bool to_narrow, to_wide, turned, gradient;
} choice;

static const choice choices[] = {
    /* classify's and smallconv's */
    {"conv2d", "out=8 kernel=5", IMAGE(4, 24, 24), true, true, false, true},
    {"conv_transpose2d", "out=10 kernel=5", IMAGE(1, 20, 20), true, true, true, true},
    {"conv_transpose2d", "out=1 kernel=5", IMAGE(10, 24, 24), true, true, false, false},
    {"conv_transpose2d", "out=10 kernel=5", IMAGE(4, 20, 20), true, true, true, true},
    /* of 3 x 3 large ones */
    {"conv2d", "out=16 kernel=3 padding=1", IMAGE(16, 28, 28), true, true, true, true},
    {"conv2d", "out=1 kernel=3 padding=1", IMAGE(32, 28, 28), false, false, false, false},
    /* in groups, as test_gradients has it */
    {"conv2d", "out=8 kernel=5 padding=2 groups=2", IMAGE(8, 8, 8), true, true, true, true},
    /* the golden ones */
    {"conv2d", "out=10 kernel=5", IMAGE(4, 6, 8), true, false, false, true},
    {"conv2d", "out=8 kernel=5 padding=2", IMAGE(6, 6, 8), true, true, true, true},
    {"conv2d", "out=16 kernel=3 padding=1", IMAGE(16, 4, 4), true, true, true, true},
    {"conv_transpose2d", "out=6 kernel=5", IMAGE(10, 3, 4), true, true, false, true},
    /* nothing to gain */
    {"conv2d", "out=2 kernel=3", IMAGE(1, 20, 20), false, false, false, false},
    /* another kind of window */
    {"conv2d", "out=8 kernel=5 stride=2", IMAGE(8, 25, 25), false, false, false, false},
    {"conv2d", "out=8 kernel=5 dilation=2", IMAGE(8, 25, 25), false, false, false, false},
    {"conv2d", "out=8 kernel=5,3", IMAGE(8, 25, 25), false, false, false, false},
    {"conv2d", "out=8 kernel=4", IMAGE(8, 25, 25), false, false, false, false},
    {"conv_transpose2d", "out=8 kernel=5 output_padding=0 stride=2", IMAGE(8, 9, 9), false, false,
     false, false},
    {"conv2d", "out=8 kernel=5", IMAGE(8, 5, 5), false, false, false, false},
    /* too many filters */
    {"conv2d", "out=64 kernel=3 padding=1", IMAGE(64, 14, 14), false, false, false, false},
};

static void test_filters_where_it_pays(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
        const choice *c = &choices[i];
        const aed_test_layer_case run = {c->kind, c->args, c->in, 16, 16};
        aed_test_layer layer;
        aed_test_layer_create(&run, &layer);
        const aed_product *product = layer.layer.state;
        const bool turned = product->filter_wide.used && product->filter_wide.turned;
        if (product->filter_narrow.used != c->to_narrow ||
            product->filter_wide.used != c->to_wide || turned != c->turned ||
            product->filters_weight != c->gradient)
            fail_msg("case %d, %s %s: to narrow %d, to wide %d, turned %d, gradient %d", (int)i,
                     c->kind, c->args, product->filter_narrow.used, product->filter_wide.used,
                     turned, product->filters_weight);
        aed_test_layer_destroy(&layer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_filters_where_it_pays)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
