/* Messages between single ranks that nobody waits for: bytes with a kind, sent and received in the
 * background of something else. Each rank has one box. Messages of one sender keep their order. */
#ifndef AED_DIST_MAILBOX_H
#define AED_DIST_MAILBOX_H

#include <stdbool.h>

#include "core/buffer.h"
#include "dist/dist.h"

typedef struct aed_mailbox aed_mailbox;

typedef struct aed_mail {
    int from, kind;
    aed_buffer bytes; /* the receiver's, to be destroyed */
} aed_mail;

/* Collective. */
aed_status aed_mailbox_create(const aed_comm *world, aed_mailbox **box);
/* Waits until all that was sent has left. Collective. Takes a pointer to NULL. */
void aed_mailbox_destroy(aed_mailbox **box);

/* Sends a message of `kind` (0 ... 1000); takes the bytes over (NULL: none). Memory that is short, in
 * the buffer already or here, ends the job. */
void aed_mailbox_send(aed_mailbox *box, int to, int kind, aed_buffer *bytes);

/* Pushes on what is under way; whether a message has come, which is then in *mail. */
bool aed_mailbox_poll(aed_mailbox *box, aed_mail *mail);

#endif
