/* Requests to stop that come as signals. */
#ifndef AED_APP_SIGNALS_H
#define AED_APP_SIGNALS_H

/* From here on SIGTERM, SIGINT, SIGUSR1 and SIGUSR2 are requests to save everything and stop; a second
 * SIGINT ends the process at once. */
void aed_signals_install(void);

/* They end the process again, as there is nothing to be saved; one that has come does so now. */
void aed_signals_release(void);

/* The signal that came first, 0: none. */
int aed_signals_caught(void);

#endif
