/* An ended trial as bytes. All numbers little-endian; f64 is the bits of an IEEE double; text is a
 * u32 length and that many bytes, none of them 0:
 *
 *   text id, text status, text reason, text failure, u64 seed, i64 epochs, f64 seconds, f64 samples_per_second,
 *   text weights_hash, text resolved,
 *   u32 settings,  each: text axis, text text, f64 number
 *   u32 columns,   each: text name
 *   u64 rows,      then rows x columns f64
 *   u32 scalars,   each: text name, f64 value
 *   u32 tensors,   each: text name, u32 rank, rank u64 sizes, i64 fan_in, then its elements as f32
 *   u32 arrays,    each: text group, text name, text along, u32 type, u32 rank, rank u64 sizes, then
 *                  its elements as f32, f64 or i64
 *   of a checkpoint only:
 *   u32 states,    each: text name, u32 type, u64 count, then its elements as f32, f64 or i64
 *
 * Tensors are stored without the padding that lies between them in memory; offsets are new. */
#include "io/trial_record.h"

#include <string.h>

#include "core/memory.h"

enum { OFFSET_MULTIPLE = 16 };

/* ---- Writing ------------------------------------------------------------------------------- */

bool aed_trial_record_id_valid(const char *id)
{
    const char *allowed = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_";
    size_t length = strlen(id);
    return length >= 1 && length <= 15 && strspn(id, allowed) == length;
}

const aed_state_array *aed_trial_record_state(const aed_trial_result *result, const char *name)
{
    for (int64_t i = 0; i < result->state_count; i++)
        if (strcmp(result->states[i].name, name) == 0) return &result->states[i];
    return NULL;
}

static void put_shape(aed_buffer *buffer, const aed_shape *shape)
{
    aed_buffer_put_u32(buffer, (uint32_t)shape->rank);
    for (int i = 0; i < shape->rank; i++) aed_buffer_put_u64(buffer, (uint64_t)shape->size[i]);
}

static size_t element_bytes(aed_number_type type) { return type == AED_NUMBER_F32 ? 4 : 8; }

static void put_array(aed_buffer *buffer, const aed_result_array *array)
{
    aed_buffer_put_text(buffer, array->group);
    aed_buffer_put_text(buffer, array->name);
    aed_buffer_put_text(buffer, array->along);
    aed_buffer_put_u32(buffer, (uint32_t)array->type);
    put_shape(buffer, &array->shape);
    aed_buffer_put_words(buffer, array->values, (size_t)aed_shape_count(&array->shape),
                         element_bytes(array->type));
}

static void put_tensor(aed_buffer *buffer, const aed_tensor *tensor, const float *parameters)
{
    aed_buffer_put_text(buffer, tensor->name);
    put_shape(buffer, &tensor->shape);
    aed_buffer_put_u64(buffer, (uint64_t)tensor->fan_in);
    aed_buffer_put_words(buffer, parameters + tensor->offset,
                         (size_t)aed_shape_count(&tensor->shape), sizeof *parameters);
}

static void put_state(aed_buffer *buffer, const aed_state_array *state)
{
    aed_buffer_put_text(buffer, state->name);
    aed_buffer_put_u32(buffer, (uint32_t)state->type);
    aed_buffer_put_u64(buffer, (uint64_t)state->count);
    aed_buffer_put_words(buffer, state->values, (size_t)state->count, element_bytes(state->type));
}

aed_status aed_trial_record_encode(const aed_trial_result *result, aed_buffer *buffer)
{
    if (!aed_trial_record_id_valid(result->id)) {
        return aed_fail(AED_INTERNAL, "ledger: '%.15s' is no trial id", result->id);
    }
    aed_buffer_put_text(buffer, result->id);
    aed_buffer_put_text(buffer, result->status);
    aed_buffer_put_text(buffer, result->reason);
    aed_buffer_put_text(buffer, result->failure);
    aed_buffer_put_u64(buffer, result->seed);
    aed_buffer_put_u64(buffer, (uint64_t)result->epochs);
    aed_buffer_put_f64(buffer, result->seconds);
    aed_buffer_put_f64(buffer, result->samples_per_second);
    aed_buffer_put_text(buffer, result->weights_hash);
    aed_buffer_put_text(buffer, result->resolved);

    aed_buffer_put_u32(buffer, (uint32_t)result->setting_count);
    for (int64_t i = 0; i < result->setting_count; i++) {
        aed_buffer_put_text(buffer, result->settings[i].axis);
        aed_buffer_put_text(buffer, result->settings[i].text);
        aed_buffer_put_f64(buffer, result->settings[i].number);
    }
    const aed_metrics *metrics = &result->metrics;
    aed_buffer_put_u32(buffer, (uint32_t)metrics->column_count);
    for (int64_t i = 0; i < metrics->column_count; i++) {
        aed_buffer_put_text(buffer, metrics->names[i]);
    }
    aed_buffer_put_u64(buffer, (uint64_t)metrics->rows);
    aed_buffer_put_words(buffer, metrics->values, (size_t)(metrics->rows * metrics->column_count),
                         sizeof *metrics->values);
    aed_buffer_put_u32(buffer, (uint32_t)result->scalar_count);
    for (int64_t i = 0; i < result->scalar_count; i++) {
        aed_buffer_put_text(buffer, result->scalar_names[i]);
        aed_buffer_put_f64(buffer, result->scalar_values[i]);
    }
    aed_buffer_put_u32(buffer, (uint32_t)result->tensor_count);
    for (int64_t i = 0; i < result->tensor_count; i++) {
        put_tensor(buffer, &result->tensors[i], result->parameters);
    }
    aed_buffer_put_u32(buffer, (uint32_t)result->array_count);
    for (int64_t i = 0; i < result->array_count; i++) put_array(buffer, &result->arrays[i]);
    if (result->state_count > 0) aed_buffer_put_u32(buffer, (uint32_t)result->state_count);
    for (int64_t i = 0; i < result->state_count; i++) put_state(buffer, &result->states[i]);
    if (buffer->failed) return aed_fail(AED_MEMORY, "ledger: out of memory for a trial's record");
    return AED_OK;
}

/* ---- Reading ------------------------------------------------------------------------------- */

/* The first failure sticks: later takes give zeros, and nothing is allocated for them. */
typedef struct reader {
    const unsigned char *next;
    size_t left;
    aed_pool *pool;
    aed_status status;
} reader;

static void malformed(reader *in, const char *what)
{
    if (in->status == AED_OK) in->status = aed_fail(AED_DATA, "ledger: a record's %s is bad", what);
}

static const unsigned char *take(reader *in, size_t bytes)
{
    if (in->status == AED_OK && bytes > in->left) malformed(in, "length");
    if (in->status != AED_OK) return NULL;
    const unsigned char *taken = in->next;
    in->next += bytes;
    in->left -= bytes;
    return taken;
}

static uint32_t take_u32(reader *in)
{
    const unsigned char *bytes = take(in, 4);
    return bytes ? aed_load_le32(bytes) : 0;
}

static uint64_t take_u64(reader *in)
{
    const unsigned char *bytes = take(in, 8);
    return bytes ? aed_load_le64(bytes) : 0;
}

static double take_f64(reader *in)
{
    uint64_t bits = take_u64(in);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void *allocate(reader *in, size_t count, size_t size)
{
    if (in->status != AED_OK) return NULL;
    void *block = aed_pool_alloc(in->pool, count, size);
    if (!block) in->status = aed_fail(AED_MEMORY, "ledger: out of memory for a trial's record");
    return block;
}

/* Text into the pool; "" after a failure, so that callers need not look. */
static const char *take_text(reader *in)
{
    size_t length = take_u32(in);
    const unsigned char *bytes = take(in, length);
    if (bytes && memchr(bytes, 0, length)) malformed(in, "text");
    if (in->status != AED_OK) return "";
    char *text = allocate(in, length + 1, 1);
    if (!text) return "";
    memcpy(text, bytes, length);
    return text;
}

/* Text into an array of `room` bytes. */
static void take_short_text(reader *in, char *text, size_t room)
{
    size_t length = take_u32(in);
    if (length >= room) malformed(in, "name");
    const unsigned char *bytes = take(in, length);
    if (bytes && memchr(bytes, 0, length)) malformed(in, "name");
    if (in->status == AED_OK) memcpy(text, bytes, length);
}

/* A count of elements that need at least `bytes` bytes each in what is left. */
static int64_t take_count(reader *in, uint64_t count, size_t bytes)
{
    if (in->status == AED_OK && count > in->left / bytes) malformed(in, "count");
    return in->status == AED_OK ? (int64_t)count : 0;
}

static void take_settings(reader *in, aed_trial_result *result)
{
    int64_t count = take_count(in, take_u32(in), 16);
    aed_result_setting *settings = allocate(in, (size_t)count, sizeof *settings);
    if (!settings) return;
    for (int64_t i = 0; i < count; i++) {
        settings[i].axis = take_text(in);
        settings[i].text = take_text(in);
        settings[i].number = take_f64(in);
    }
    result->setting_count = count;
    result->settings = settings;
}

static void take_metrics(reader *in, aed_metrics *metrics)
{
    int64_t columns = take_count(in, take_u32(in), 4);
    const char **names = allocate(in, (size_t)columns, sizeof *names);
    if (!names) return;
    for (int64_t i = 0; i < columns; i++) names[i] = take_text(in);
    uint64_t claimed = take_u64(in);
    if (columns == 0 && claimed != 0) malformed(in, "count of rows");
    int64_t rows = columns == 0 ? 0 : take_count(in, claimed, 8 * (size_t)columns);
    double *values = allocate(in, (size_t)(rows * columns), sizeof *values);
    if (!values) return;
    const unsigned char *bytes = take(in, 8 * (size_t)(rows * columns));
    if (bytes) aed_load_words(bytes, (size_t)(rows * columns), sizeof *values, values);
    *metrics = (aed_metrics){
        .column_count = columns, .names = names, .rows = rows, .values = values};
}

static void take_scalars(reader *in, aed_trial_result *result)
{
    int64_t count = take_count(in, take_u32(in), 12);
    const char **names = allocate(in, (size_t)count, sizeof *names);
    double *values = allocate(in, (size_t)count, sizeof *values);
    if (!names || !values) return;
    for (int64_t i = 0; i < count; i++) {
        names[i] = take_text(in);
        values[i] = take_f64(in);
    }
    result->scalar_count = count;
    result->scalar_names = names;
    result->scalar_values = values;
}

/* Returns the number of elements, 0 after a failure. */
static int64_t take_shape(reader *in, aed_shape *shape)
{
    uint32_t rank = take_u32(in);
    if (rank > AED_MAX_RANK) malformed(in, "rank");
    if (in->status != AED_OK) return 0;
    int64_t elements = 1;
    shape->rank = (int)rank;
    for (uint32_t i = 0; i < rank; i++) {
        uint64_t n = take_u64(in);
        if (n == 0 || n > INT32_MAX || __builtin_mul_overflow(elements, (int64_t)n, &elements) ||
            elements > INT32_MAX) {
            malformed(in, "shape");
            return 0;
        }
        shape->size[i] = (int64_t)n;
    }
    return elements;
}

/* Reads one tensor's description; returns its elements' bytes, and their number in *count. */
static const unsigned char *take_tensor(reader *in, aed_tensor *tensor, int64_t *count)
{
    *count = 0;
    take_short_text(in, tensor->name, sizeof tensor->name);
    *count = take_shape(in, &tensor->shape);
    tensor->fan_in = (int64_t)take_u64(in);
    return take(in, (size_t)*count * 4);
}

static void take_tensors(reader *in, bool keep_numbers, aed_trial_result *result)
{
    int64_t count = take_count(in, take_u32(in), 4 + 4 + 8 + 4);
    aed_tensor *tensors = allocate(in, (size_t)count, sizeof *tensors);
    const unsigned char **elements = allocate(in, (size_t)count, sizeof *elements);
    if (!tensors || !elements) return;
    int64_t floats = 0;
    for (int64_t i = 0; i < count; i++) {
        int64_t n;
        elements[i] = take_tensor(in, &tensors[i], &n);
        tensors[i].offset = floats;
        /* No overflow: the elements were counted against the bytes that are there. */
        floats += (n + OFFSET_MULTIPLE - 1) / OFFSET_MULTIPLE * OFFSET_MULTIPLE;
    }
    if (in->status != AED_OK) return;
    result->tensor_count = count;
    result->tensors = tensors;
    if (!keep_numbers) return;

    float *parameters = allocate(in, (size_t)floats, sizeof *parameters);
    if (!parameters) return;
    for (int64_t t = 0; t < count; t++) {
        int64_t n = aed_shape_count(&tensors[t].shape);
        aed_load_words(elements[t], (size_t)n, sizeof *parameters, parameters + tensors[t].offset);
    }
    result->parameters = parameters;
}

static aed_number_type take_type(reader *in)
{
    const uint32_t type = take_u32(in);
    if (type > AED_NUMBER_I64) malformed(in, "type of numbers");
    return in->status == AED_OK ? (aed_number_type)type : AED_NUMBER_F32;
}

/* `count` numbers, or NULL after a failure. */
static void *take_numbers(reader *in, aed_number_type type, int64_t count)
{
    const size_t bytes = element_bytes(type);
    count = take_count(in, (uint64_t)count, bytes);
    const unsigned char *elements = take(in, (size_t)count * bytes);
    void *values = elements ? allocate(in, (size_t)count, bytes) : NULL;
    if (values) aed_load_words(elements, (size_t)count, bytes, values);
    return values;
}

/* Whether the array is one of those that a trial may have: not in a place of other things. */
static bool is_group(const char *name)
{
    static const char below[] = "analysis/";
    const char *allowed = "0123456789abcdefghijklmnopqrstuvwxyz_";
    if (strcmp(name, "analysis") == 0 || strcmp(name, "snapshots") == 0) return true;
    if (strncmp(name, below, sizeof below - 1) != 0) return false;
    name += sizeof below - 1;
    return name[0] && strlen(name) < 64 && strspn(name, allowed) == strlen(name);
}

static void take_array(reader *in, bool keep, aed_result_array *array)
{
    array->group = take_text(in);
    if (in->status == AED_OK && !is_group(array->group)) malformed(in, "group of numbers");
    array->name = take_text(in);
    array->along = take_text(in);
    array->type = take_type(in);
    const int64_t count = take_shape(in, &array->shape);
    if (keep)
        array->values = take_numbers(in, array->type, count);
    else
        take(in, (size_t)count * element_bytes(array->type));
}

static void take_state(reader *in, aed_state_array *state)
{
    state->name = take_text(in);
    state->type = take_type(in);
    state->count = take_count(in, take_u64(in), element_bytes(state->type));
    state->values = take_numbers(in, state->type, state->count);
}

static void take_states(reader *in, aed_trial_result *result)
{
    if (in->status != AED_OK || in->left == 0) return; /* an ended trial has none */
    int64_t count = take_count(in, take_u32(in), 4 + 4 + 8);
    aed_state_array *states = allocate(in, (size_t)count, sizeof *states);
    for (int64_t i = 0; states && i < count; i++) take_state(in, &states[i]);
    result->state_count = in->status == AED_OK ? count : 0;
    result->states = states;
}

static void take_arrays(reader *in, bool keep, aed_trial_result *result)
{
    int64_t count = take_count(in, take_u32(in), 5 * 4 + 4);
    aed_result_array *arrays = allocate(in, (size_t)count, sizeof *arrays);
    for (int64_t i = 0; arrays && i < count; i++) take_array(in, keep, &arrays[i]);
    result->array_count = in->status == AED_OK ? count : 0;
    result->arrays = arrays;
}

aed_status aed_trial_record_decode(const unsigned char *payload, size_t length, bool keep_numbers,
                                   aed_trial_record **record)
{
    *record = NULL;
    aed_trial_record *made = aed_alloc(1, sizeof *made);
    if (!made) return aed_fail(AED_MEMORY, "ledger: out of memory for a trial's record");
    reader in = {.next = payload, .left = length, .pool = &made->pool, .status = AED_OK};
    aed_trial_result *result = &made->result;
    take_short_text(&in, result->id, sizeof result->id);
    if (in.status == AED_OK && !aed_trial_record_id_valid(result->id)) malformed(&in, "trial id");
    result->status = take_text(&in);
    result->reason = take_text(&in);
    result->failure = take_text(&in);
    result->seed = take_u64(&in);
    result->epochs = (int64_t)take_u64(&in);
    result->seconds = take_f64(&in);
    result->samples_per_second = take_f64(&in);
    take_short_text(&in, result->weights_hash, sizeof result->weights_hash);
    result->resolved = take_text(&in);
    take_settings(&in, result);
    take_metrics(&in, &result->metrics);
    take_scalars(&in, result);
    take_tensors(&in, keep_numbers, result);
    take_arrays(&in, keep_numbers, result);
    take_states(&in, result);
    if (in.status == AED_OK && in.left != 0) malformed(&in, "end");

    if (in.status == AED_OK) {
        *record = made;
    } else {
        aed_trial_record_destroy(&made);
    }
    return in.status;
}

void aed_trial_record_destroy(aed_trial_record **record)
{
    if (!*record) return;
    aed_pool_destroy(&(*record)->pool);
    aed_free(*record);
    *record = NULL;
}
