/* Checkpoints: u8 form, then 0 a file as it is; 1 the record of a trial, which a file with the right
 * checksum is made around; 2 the record alone.
 *
 * A record that is taken must read back as it is written, and a trial that it may fit takes it up. */
#include <sanitizer/lsan_interface.h>
#include <sha2.h>
#include <string.h>

#include "core/memory.h"
#include "fuzz.h"
#include "io/checkpoint.h"
#include "io/hdf5.h"
#include "io/stored.h"
#include "train/trial.h"

enum { FILE_AS_IT_IS, FILE_AROUND, RECORD };

typedef struct engine {
    aed_trial_list list;
    aed_source source;
    aed_dataset data;
    aed_comm world;
    aed_trainer trainer;
} engine;

/* What a trial needs, made once. */
static engine *get_engine(void)
{
    static engine made;
    if (made.list.count > 0) return &made;
    __lsan_disable(); /* what MPI keeps is not ours */
    FUZZ_EXPECT(aed_dist_start(NULL, NULL, &made.world) == AED_OK);
    __lsan_enable();
    FUZZ_EXPECT(aed_config_read(AED_FUZZ_DIR "/small.yaml", NULL, 0, &made.list) == AED_OK);
    const aed_config *read = &made.list.trials[0].config;
    FUZZ_EXPECT(aed_source_create(&read->data, &made.source) == AED_OK);
    FUZZ_EXPECT(aed_dataset_create(&made.source, &read->data_options, &made.data) == AED_OK);
    FUZZ_EXPECT(aed_trainer_create(read, &made.data, &made.source.shape, &made.world,
                                   &made.trainer) == AED_OK);
    return &made;
}

static void restore(const aed_trial_result *saved)
{
    aed_trainer *trainer = &get_engine()->trainer;
    aed_training training;
    double loss;
    int64_t count;
    FUZZ_EXPECT(aed_training_create(trainer, &training) == AED_OK);
    aed_status status = aed_training_restore(&training, saved);
    if (status != AED_OK) {
        fuzz_expect_refusal(status);
    } else if (trainer->epoch > 0 && trainer->step < trainer->steps) {
        status = aed_trainer_step(trainer, &loss, &count);
        FUZZ_EXPECT(status == AED_OK || status == AED_DIVERGED);
    }
    aed_training_destroy(&training);
}

/* A checkpoint of these bytes as its record; see io/checkpoint.c. */
static const char *make_file(const uint8_t *record, size_t size)
{
    aed_hdf5 *file;
    hid_t root;
    const void *image;
    size_t count;
    SHA2_CTX context;
    uint8_t digest[SHA256_DIGEST_LENGTH];
    const int64_t bytes = (int64_t)size;
    aed_buffer all = {0};
    FUZZ_EXPECT(aed_hdf5_create("fuzz", &file, &root) == AED_OK);
    FUZZ_EXPECT(aed_hdf5_dataset(file, root, "record", AED_HDF5_U8, 1, &bytes, record, NULL) ==
                AED_OK);
    FUZZ_EXPECT(aed_hdf5_image(file, &image, &count) == AED_OK);
    aed_buffer_put(&all, image, count);
    aed_hdf5_destroy(&file);
    aed_buffer_put(&all, "AEDCKPT1", 8);
    aed_buffer_put_u64(&all, count);
    SHA256Init(&context);
    SHA256Update(&context, all.bytes, all.size);
    SHA256Final(digest, &context);
    aed_buffer_put(&all, digest, sizeof digest);
    const char *path = fuzz_file("t1.1.h5", all.bytes, all.size);
    aed_buffer_destroy(&all);
    return path;
}

/* What is written of it reads back to the same. */
static void check_record(const aed_trial_record *record)
{
    aed_buffer first = {0}, second = {0};
    aed_trial_record *again;
    FUZZ_EXPECT(aed_trial_record_encode(&record->result, &first) == AED_OK);
    FUZZ_EXPECT(aed_trial_record_decode(first.bytes, first.size, true, &again) == AED_OK);
    FUZZ_EXPECT(aed_trial_record_encode(&again->result, &second) == AED_OK);
    FUZZ_EXPECT(first.size == second.size && memcmp(first.bytes, second.bytes, first.size) == 0);
    aed_trial_record_destroy(&again);
    aed_buffer_destroy(&second);
    aed_buffer_destroy(&first);
    restore(&record->result);
}

static void read_file(const char *path)
{
    aed_trial_record *record;
    aed_stored *stored;
    const aed_status status = aed_checkpoint_read_file(path, &record);
    if (status != AED_OK) {
        fuzz_expect_refusal(status);
        return;
    }
    check_record(record);
    aed_trial_record_destroy(&record);
    FUZZ_EXPECT(aed_stored_open(path, &stored) == AED_OK);
    FUZZ_EXPECT(aed_stored_count(stored) == 1);
    FUZZ_EXPECT(aed_stored_read(stored, 0, &record) == AED_OK);
    aed_trial_record_destroy(&record);
    aed_stored_close(&stored);
}

static void read_record(const uint8_t *payload, size_t size)
{
    aed_trial_record *record;
    const aed_status status = aed_trial_record_decode(payload, size, true, &record);
    if (status == AED_OK)
        check_record(record);
    else
        fuzz_expect_refusal(status);
    aed_trial_record_destroy(&record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) return 0;
    const uint8_t *content = data + 1;
    size--;
    if (data[0] == FILE_AS_IT_IS) read_file(fuzz_file("t1.1.h5", content, size));
    if (data[0] == FILE_AROUND) read_file(make_file(content, size));
    if (data[0] == RECORD) read_record(content, size);
    return 0;
}
