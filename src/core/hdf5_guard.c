/* The lock around HDF5; see hdf5_guard.h. */
#include "core/hdf5_guard.h"

#include <pthread.h>
#include <stdio.h>

/* As global as what it guards. */
static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

void aed_hdf5_enter(aed_hdf5_guard *guard)
{
    pthread_mutex_lock(&lock);
    /* All is closed by whoever opened it. What a damaged file has left open inside the library, this
     * would try to close when the program ends, and print that it cannot. Counts the first time. */
    H5dont_atexit();
    H5Eget_auto2(H5E_DEFAULT, &guard->print, &guard->print_data);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

void aed_hdf5_leave(const aed_hdf5_guard *guard)
{
    H5Eset_auto2(H5E_DEFAULT, guard->print, guard->print_data);
    pthread_mutex_unlock(&lock);
}

static herr_t innermost(unsigned level, const H5E_error2_t *error, void *text)
{
    if (level == 0 && error->desc) snprintf(text, AED_HDF5_REASON_BYTES, "%s", error->desc);
    return 0;
}

const char *aed_hdf5_reason(char *text)
{
    snprintf(text, AED_HDF5_REASON_BYTES, "unknown error");
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, innermost, text);
    return text;
}
