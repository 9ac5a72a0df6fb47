/* Ledgers: u8 flags, then the file. Flags: 1 the checksums of its records are made right first, so that
 * their contents are looked at.
 *
 * A ledger is opened for reading, then by a run, which mends it, then once more: what was readable before
 * must still be there, and nothing is left to mend. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "core/memory.h"
#include "fuzz.h"
#include "io/ledger_records.h"
#include "io/results.h"
#include "io/stored.h"

enum { MEND_CHECKSUMS = 1, CHECKED = 16 };

/* Takes what stands at the end of a record, or in the place of its magic, for the next one's begin. */
static void mend_checksums(uint8_t *bytes, size_t size)
{
    size_t at = AED_LEDGER_FILE_HEADER;
    while (at + AED_LEDGER_HEADER <= size) {
        uint8_t *record = bytes + at;
        const uint64_t length = aed_load_le64(record + 8);
        if (length > size - at - AED_LEDGER_HEADER) return;
        uLong crc = crc32_z(0, record, CHECKED);
        crc = crc32_z(crc, record + AED_LEDGER_HEADER, length);
        aed_store_le32(record + CHECKED, (uint32_t)crc);
        at += AED_LEDGER_HEADER + length;
    }
}

/* Trials that can be read from the folder as it is; -1 if it is refused. */
static int64_t count_stored(const char *folder)
{
    aed_stored *stored;
    aed_trial_record *record;
    int64_t index;
    aed_status status = aed_stored_open(folder, &stored);
    if (status != AED_OK) {
        fuzz_expect_refusal(status);
        return -1;
    }
    const int64_t count = aed_stored_count(stored);
    for (int64_t i = 0; i < count; i++) {
        FUZZ_EXPECT(aed_stored_find(stored, aed_stored_trial(stored, i)->id, &index) == AED_OK);
        FUZZ_EXPECT(index == i);
        status = aed_stored_read(stored, i, &record); /* refuses parameters without their hash */
        if (status != AED_OK) fuzz_expect_refusal(status);
        aed_trial_record_destroy(&record);
    }
    FUZZ_EXPECT(aed_stored_health(stored)->records >= count);
    aed_stored_close(&stored);
    return count;
}

/* Opens it as a run does; *mended tells whether there was something to mend. */
static int64_t count_ended(const char *folder, int *mended)
{
    static const aed_run_info info = {
        .config = "", .command = "", .hosts = "", .ranks = 1, .kernels = "", .libraries = ""};
    aed_run *run;
    char *notice;
    const aed_status status = aed_run_open(folder, &info, NULL, 0, &notice, &run);
    if (status != AED_OK) {
        fuzz_expect_refusal(status);
        return -1;
    }
    const int64_t count = aed_run_ended_count(run);
    for (int64_t i = 0; i < count; i++) {
        const aed_trial_result *result = aed_run_ended(run, i);
        FUZZ_EXPECT(aed_run_find(run, result->id) == result);
    }
    *mended = notice != NULL;
    if (notice && getenv("FUZZ_TELL")) fprintf(stderr, "%s\n", notice);
    aed_free(notice);
    aed_run_close(&run);
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int mended;
    if (size < 1) return 0;
    uint8_t *bytes = aed_alloc(size, 1);
    FUZZ_EXPECT(bytes != NULL);
    memcpy(bytes, data + 1, size - 1);
    if (data[0] & MEND_CHECKSUMS) mend_checksums(bytes, size - 1);
    fuzz_file("ledger", bytes, size - 1);
    const int64_t stored = count_stored(fuzz_folder());
    const int64_t ended = count_ended(fuzz_folder(), &mended);
    FUZZ_EXPECT(stored == ended);
    if (ended >= 0) {
        FUZZ_EXPECT(count_ended(fuzz_folder(), &mended) == ended);
        FUZZ_EXPECT(!mended);
        FUZZ_EXPECT(count_stored(fuzz_folder()) == ended);
    }
    fuzz_file("ledger.damaged", "", 0); /* would grow for ever */
    aed_free(bytes);
    return 0;
}
