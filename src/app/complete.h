/* Completion of command lines, for the functions that shells call (scripts/package). */
#ifndef AED_APP_COMPLETE_H
#define AED_APP_COMPLETE_H

/* Prints what the last of `words` (those behind the program's name, up to the cursor; the last may be "")
 * can become, a line each; one that ends with '.' or '=' goes on. The line "<files>" stands for the names
 * of files. Needs no MPI and tells no failures. Returns the exit status, 0. */
int aed_complete(int count, char **words);

#endif
