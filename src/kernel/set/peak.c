/* What the core can do at most, to hold the kernels against. */
#include "kernel/set/set.h"

/* Chains that do not wait for each other: enough to hide an instruction's latency. */
enum { CHAINS = 12 };

int64_t AED_SET(multiply_adds)(int64_t turns)
{
    vf sum[CHAINS] = {{0}};
    const vf factor = v_keep(v_zero());
    for (int64_t turn = 0; turn < turns; turn++)
        _Pragma("GCC unroll 12") for (int i = 0; i < CHAINS; i++)
        {
            sum[i] = v_keep(v_fma(factor, factor, sum[i]));
        }
    for (int i = 1; i < CHAINS; i++) sum[0] += sum[i];
    /* The sums are 0; as the result depends on them, no compiler leaves them out. */
    return 2 * CHAINS * AED_WIDTH * turns + (int64_t)sum[0][0];
}
