/* One thread at a time in HDF5, and silence there.
 *
 * HDF5 keeps its state in globals of its own, and not every build of it has a lock around them. Rank
 * 0 writes results.h5 while a data set's thread may be reading: every use of the library stands
 * between these two calls. Within them HDF5 prints no errors; they become part of our messages. */
#ifndef AED_CORE_HDF5_GUARD_H
#define AED_CORE_HDF5_GUARD_H

#include <hdf5.h>

typedef struct aed_hdf5_guard {
    H5E_auto2_t print; /* the caller's setting, put back by leave */
    void *print_data;
} aed_hdf5_guard;

enum { AED_HDF5_REASON_BYTES = 256 };

/* Waits until no other thread is inside. May be nested; must not enclose calls of MPI, as another
 * rank would then wait for whoever holds the lock here. */
void aed_hdf5_enter(aed_hdf5_guard *guard);
/* In the thread that entered. */
void aed_hdf5_leave(const aed_hdf5_guard *guard);

/* Writes the innermost message of the call that just failed into text (AED_HDF5_REASON_BYTES), and
 * returns it. To be called before any other HDF5 call. */
const char *aed_hdf5_reason(char *text);

#endif
