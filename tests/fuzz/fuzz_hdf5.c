/* HDF5 files of data, with flags in a byte behind the file: 1 there are labels, 2 there are test samples.
 * Samples are at /x, labels at /labels, test samples at /test and /test_labels. */
#include <hdf5.h>

#include "fuzz.h"
#include "fuzz_source.h"

enum { WITH_LABELS = 1, WITH_TEST = 2 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fixture described;
    char places[4][64];
    static const char *const names[4] = {"x", "labels", "test", "test_labels"};
    const char *texts[4];
    if (size < 1) return 0;
    const int flags = data[size - 1];
    const char *file = fuzz_file("data.h5", data, size - 1);
    for (int i = 0; i < 4; i++) {
        snprintf(places[i], sizeof places[i], "%s:/%s", file, names[i]);
        texts[i] = places[i];
    }
    fixture_start(&described, "hdf5");
    fixture_strings(&described, "path", 1, &texts[0]);
    if (flags & WITH_LABELS) fixture_strings(&described, "labels", 1, &texts[1]);
    if (flags & WITH_TEST) {
        fixture_strings(&described, "test", 1, &texts[2]);
        if (flags & WITH_LABELS) fixture_strings(&described, "test_labels", 1, &texts[3]);
    }
    fuzz_source(&described);
    FUZZ_EXPECT(H5Fget_obj_count(H5F_OBJ_ALL, H5F_OBJ_ALL) == 0);
    return 0;
}
