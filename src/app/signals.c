/* See signals.h. A handler can only leave a mark, and only in a global. */
#include "app/signals.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t caught;

static void remember(int number)
{
    if (number == SIGINT && caught == SIGINT) {
        /* Blocked while we are in here: it is delivered on return, and ends the process. */
        signal(SIGINT, SIG_DFL);
        raise(SIGINT);
        return;
    }
    if (!caught || number == SIGINT) caught = number;
}

static void handle_all(void (*handler)(int))
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGUSR1, SIGUSR2};
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaction(numbers[i], &action, NULL);
}

void aed_signals_install(void) { handle_all(remember); }

void aed_signals_release(void)
{
    handle_all(SIG_DFL);
    if (caught) raise(caught);
}

int aed_signals_caught(void) { return caught; }
