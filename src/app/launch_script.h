/* The text of slurm/launch.sh, which the build writes into a constant. */
#ifndef AED_APP_LAUNCH_SCRIPT_H
#define AED_APP_LAUNCH_SCRIPT_H

#include <stddef.h>

extern const char aed_launch_script[]; /* without a final 0 */
extern const size_t aed_launch_script_bytes;

#endif
