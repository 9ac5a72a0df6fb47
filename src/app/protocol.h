/* What rank 0 and the leaders of the groups tell each other. A group is some ranks that train one trial
 * together; its lowest rank leads it. Rank 0 keeps the queue and the files (root.h), and leads a group
 * like others (worker.h). Numbers are as aed_buffer_put_* writes them. */
#ifndef AED_APP_PROTOCOL_H
#define AED_APP_PROTOCOL_H

#include "io/ledger.h"

typedef enum aed_message {
    /* From a leader to rank 0. A record begins with AED_LEDGER_HEADER bytes: u64 trial, i32 status. */
    AED_MESSAGE_READY,      /* u32 tag of its group: has nothing to do, or soon */
    AED_MESSAGE_RESULT,     /* record of an ended trial */
    AED_MESSAGE_CHECKPOINT, /* record of a trial on its way */
    AED_MESSAGE_LOG,        /* u64 trial, u64 epochs done, f64 seconds; lines for log.jsonl */
    AED_MESSAGE_SYMPTOM,    /* u64 trial, u32 aed_symptom, text: what it shows */
    AED_MESSAGE_PRINT,      /* text for standard output */
    AED_MESSAGE_STOPPED,    /* u64 trial: left where its last checkpoint is */
    AED_MESSAGE_FAILED,     /* i32 status, text: the group cannot go on */
    AED_MESSAGE_ASKED,      /* i32 signal that asks to stop, 0: one that another rank got */
    /* From rank 0 to a leader. */
    AED_MESSAGE_TRAIN,   /* u64 trial, then the payload of a checkpoint or nothing */
    AED_MESSAGE_STOP,    /* what is being trained */
    AED_MESSAGE_REGROUP, /* u32 tag, u32 groups, each: u32 count, u32 ranks ...: the groups now */
    AED_MESSAGE_END
} aed_message;

#endif
