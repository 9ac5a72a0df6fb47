/* What the fuzz targets share.
 *
 * A target reads one kind of input that comes from outside, as the program does. It aborts on a promise
 * that is broken; what the sanitizers look for, they find by themselves. */
#ifndef AED_TESTS_FUZZ_FUZZ_H
#define AED_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "aedist/status.h"

/* The target: libFuzzer calls it with one input after the other. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Prints what was expected and aborts, unless it holds. */
#define FUZZ_EXPECT(holds) fuzz_expect((holds), __FILE__, __LINE__, #holds)
void fuzz_expect(int holds, const char *file, int line, const char *what);

/* That the status is one that bad input may have, and its message one line, which FUZZ_TELL=1 prints. */
void fuzz_expect_refusal(aed_status status);

/* A folder of this process's own, in memory where there is /dev/shm, made by the first call and removed
 * with its files when the process ends. */
const char *fuzz_folder(void);
/* Its file of that name, made or replaced; the path stays valid for the next
 * three. */
const char *fuzz_file(const char *name, const void *bytes, size_t count);

#endif
