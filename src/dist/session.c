/* The folder in which Open MPI keeps files about a process; see dist_private.h. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dist/dist_private.h"

static const char variable[] = "OMPI_MCA_orte_tmpdir_base";

bool aed_session_begin(aed_session *session)
{
    const char *base = getenv("TMPDIR");
    if (getenv(variable)) return false;
    if (!base || base[0] == '\0') base = "/tmp";
    const int length = snprintf(session->folder, sizeof session->folder, "%s/aedist.XXXXXX", base);
    if (length < 0 || (size_t)length >= sizeof session->folder) return false;
    if (!mkdtemp(session->folder)) return false;
    setenv(variable, session->folder, 1);
    return true;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *level)
{
    (void)info;
    (void)type;
    (void)level;
    remove(path);
    return 0; /* and go on: what cannot be removed stays */
}

void aed_session_end(const aed_session *session)
{
    enum { OPEN_FOLDERS = 8 };
    unsetenv(variable);
    nftw(session->folder, remove_one, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS);
}
