/* Chooses the kernel set and pins the floating-point environment; see kernels.h. */
#include "kernel/kernels.h"

#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

extern const aed_kernels_table aed_kernels_plain;
#if defined(__x86_64__)
extern const aed_kernels_table aed_kernels_avx2, aed_kernels_avx512;
#endif

static const aed_kernels_table *chosen;

/* Best set first. */
static const aed_kernels_table *supported_set(int index)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (index == 0)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                       __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw")
                   ? &aed_kernels_avx512
                   : NULL;
    if (index == 1)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &aed_kernels_avx2
                                                                               : NULL;
#endif
    return index == 2 ? &aed_kernels_plain : NULL;
}

const aed_kernels_table *aed_kernels_named(const char *name)
{
    for (int i = 0; i < 3; i++) {
        const aed_kernels_table *set = supported_set(i);
        if (set && strcmp(set->name, name) == 0) return set;
    }
    return NULL;
}

aed_status aed_kernels_choose(void)
{
    const char *wanted = getenv("AEDIST_SIMD");
    if (wanted && *wanted) {
        const aed_kernels_table *set = aed_kernels_named(wanted);
        if (!set)
            return aed_fail(AED_CONFIG,
                            "AEDIST_SIMD=%s: no such kernel set on this processor; use avx512, "
                            "avx2 or plain, or unset it for the best",
                            wanted);
        chosen = set;
        return AED_OK;
    }
    for (int i = 0; i < 3 && !chosen; i++) chosen = supported_set(i);
    return AED_OK;
}

const aed_kernels_table *aed_kernels(void)
{
    if (!chosen && aed_kernels_choose() != AED_OK) chosen = &aed_kernels_plain;
    return chosen;
}

#if defined(__x86_64__)

unsigned aed_float_pin(void)
{
    const unsigned old = _mm_getcsr();
    _mm_setcsr(0x1F80u | 0x8000u | 0x0040u); /* exceptions masked, FTZ, DAZ, round to nearest */
    return old;
}

void aed_float_restore(unsigned state) { _mm_setcsr(state); }

#elif defined(__aarch64__)

unsigned aed_float_pin(void)
{
    uint64_t old, pinned = UINT64_C(1) << 24; /* FZ, round to nearest, no traps */
    __asm__ volatile("mrs %0, fpcr" : "=r"(old));
    __asm__ volatile("msr fpcr, %0" : : "r"(pinned));
    return (unsigned)old;
}

void aed_float_restore(unsigned state)
{
    __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)state));
}

#else

unsigned aed_float_pin(void) { return 0; }
void aed_float_restore(unsigned state) { (void)state; }

#endif
