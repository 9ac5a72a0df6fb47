/* See program.h. */
#include "app/program.h"

#include <sha2.h>
#include <stdio.h>

#include "core/mark.h"

double aed_program_mark(void)
{
    unsigned char bytes[16384];
    uint8_t digest[SHA256_DIGEST_LENGTH];
    SHA2_CTX context;
    size_t got;
    FILE *file = fopen("/proc/self/exe", "rb");
    if (!file) return 0;
    SHA256Init(&context);
    while ((got = fread(bytes, 1, sizeof bytes, file)) > 0) SHA256Update(&context, bytes, got);
    SHA256Final(digest, &context);
    const double mark = ferror(file) ? 0 : aed_mark(digest);
    fclose(file);
    return mark;
}
