/* See mailbox.h. A message travels as 8-byte words, which lets it be 16 GiB long: its bytes, padding,
 * and their number. One to the own rank does not travel at all. */
#include "dist/mailbox.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "dist/dist_private.h"

enum { WORD = 8 };

typedef struct letter {
    struct letter *next;
    aed_mail mail;
    MPI_Request request;
} letter;

struct aed_mailbox {
    aed_comm comm;
    letter *sent;           /* not yet delivered */
    letter *own, **own_end; /* to this rank */
    letter *coming;         /* being received; NULL: none */
};

aed_status aed_mailbox_create(const aed_comm *world, aed_mailbox **box)
{
    aed_mailbox *made = aed_alloc(1, sizeof *made);
    aed_status status = made ? AED_OK : aed_fail(AED_MEMORY, "out of memory for messages");
    AED_TRY(aed_dist_agree(world, status));
    made->own_end = &made->own;
    AED_TRY(aed_dist_copy(world, &made->comm));
    *box = made;
    made = NULL;
done:
    aed_free(made);
    return status;
}

static void free_letter(letter *old)
{
    aed_buffer_destroy(&old->mail.bytes);
    aed_free(old);
}

/* A failing call of MPI has ended the job already; these hand over what is left of it. */
static void must(int code)
{
    if (code != MPI_SUCCESS) aed_dist_abort(aed_dist_mpi_failure(code, "message"));
}

static _Noreturn void out_of_memory(void)
{
    aed_dist_abort(aed_fail(AED_MEMORY, "out of memory for a message between ranks"));
}

static void push_on(aed_mailbox *box)
{
    for (letter **at = &box->sent; *at;) {
        int done;
        must(MPI_Test(&(*at)->request, &done, MPI_STATUS_IGNORE));
        letter *next = (*at)->next;
        if (done) {
            free_letter(*at);
            *at = next;
        } else {
            at = &(*at)->next;
        }
    }
}

void aed_mailbox_destroy(aed_mailbox **box)
{
    aed_mailbox *old = *box;
    if (!old) return;
    while (old->sent) push_on(old);
    while (old->own) {
        letter *next = old->own->next;
        free_letter(old->own);
        old->own = next;
    }
    aed_dist_free(&old->comm);
    aed_free(old);
    *box = NULL;
}

static void pad(aed_buffer *bytes)
{
    static const unsigned char zeros[WORD];
    const uint64_t count = bytes->size;
    aed_buffer_put(bytes, zeros, (WORD - bytes->size % WORD) % WORD);
    aed_buffer_put_u64(bytes, count);
}

void aed_mailbox_send(aed_mailbox *box, int to, int kind, aed_buffer *bytes)
{
    letter *made = aed_alloc(1, sizeof *made);
    if (!made) out_of_memory();
    made->mail = (aed_mail){.from = box->comm.rank, .kind = kind};
    if (bytes) {
        made->mail.bytes = *bytes;
        *bytes = (aed_buffer){0};
    }
    if (made->mail.bytes.failed) out_of_memory();
    if (to == box->comm.rank) {
        *box->own_end = made;
        box->own_end = &made->next;
        return;
    }
    pad(&made->mail.bytes);
    const size_t words = made->mail.bytes.size / WORD;
    if (made->mail.bytes.failed || words > INT_MAX) out_of_memory();
    must(MPI_Isend(made->mail.bytes.bytes, (int)words, MPI_INT64_T, to, kind, box->comm.handle,
                   &made->request));
    made->next = box->sent;
    box->sent = made;
}

/* Begins to receive the next message, if there is one. */
static void open_next(aed_mailbox *box)
{
    int there, words;
    MPI_Message message;
    MPI_Status status;
    must(MPI_Improbe(MPI_ANY_SOURCE, MPI_ANY_TAG, box->comm.handle, &there, &message, &status));
    if (!there) return;
    must(MPI_Get_count(&status, MPI_INT64_T, &words));
    letter *made = aed_alloc(1, sizeof *made);
    if (!made) out_of_memory();
    made->mail = (aed_mail){.from = status.MPI_SOURCE, .kind = status.MPI_TAG};
    made->mail.bytes.capacity = made->mail.bytes.size = (size_t)words * WORD;
    made->mail.bytes.bytes = aed_alloc((size_t)words, WORD);
    if (!made->mail.bytes.bytes) out_of_memory();
    must(MPI_Imrecv(made->mail.bytes.bytes, words, MPI_INT64_T, &message, &made->request));
    box->coming = made;
}

bool aed_mailbox_poll(aed_mailbox *box, aed_mail *mail)
{
    letter *got = box->own;
    if (got) {
        box->own = got->next;
        if (!box->own) box->own_end = &box->own;
    } else if (box->comm.size > 1) {
        int done = 0;
        push_on(box);
        if (!box->coming) open_next(box);
        if (box->coming) must(MPI_Test(&box->coming->request, &done, MPI_STATUS_IGNORE));
        if (!done) return false;
        got = box->coming;
        box->coming = NULL;
        got->mail.bytes.size = (size_t)aed_load_le64(got->mail.bytes.bytes + got->mail.bytes.size -
                                                     WORD);
    } else {
        return false;
    }
    *mail = got->mail;
    aed_free(got);
    return true;
}
