/* Winnow in C: reads ONNX models and runs them.
 *
 * Functions that can fail give 0 or a pointer on success and -1 or NULL on failure; winnow_error() then tells why, in one sentence.
 *
 * A model never changes once it is read: any number of threads may use it at once. A session runs a model and keeps what it has planned; each
 * call on it waits for those of other threads. Threads that are to run at the same time take a session each, which is cheap to make.
 */
#ifndef WINNOW_H
#define WINNOW_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WINNOW_API_VERSION 1
#define WINNOW_MAX_RANK 16

/* Element types, by the numbers of ONNX's TensorProto.DataType. */
enum winnow_type {
    WINNOW_FLOAT32 = 1,
    WINNOW_UINT8 = 2,
    WINNOW_INT8 = 3,
    WINNOW_UINT16 = 4,
    WINNOW_INT16 = 5,
    WINNOW_INT32 = 6,
    WINNOW_INT64 = 7,
    WINNOW_BOOL = 9,
    WINNOW_FLOAT16 = 10,
    WINNOW_FLOAT64 = 11,
    WINNOW_UINT32 = 12,
    WINNOW_UINT64 = 13,
    WINNOW_BFLOAT16 = 16
};

/* An array: row-major, little-endian, without gaps. */
typedef struct winnow_array {
    int32_t type; /* of enum winnow_type */
    int32_t rank;
    int64_t extents[WINNOW_MAX_RANK];
    const void *data;
    size_t byte_count;
} winnow_array;

typedef struct winnow_model winnow_model;
typedef struct winnow_session winnow_session;

/* The version of the library: "0.1.0". */
const char *winnow_version(void);

/* Why the last call of this thread failed; it holds until the next failure of this thread. "" before the first. */
const char *winnow_error(void);

/* How many threads all sessions compute with; 0: one for each core. -1 for a number that is not possible. */
int winnow_set_threads(int count);

/* Reads an ONNX file. */
winnow_model *winnow_model_load(const char *path);
/* Sessions made of it stay valid. NULL is allowed. */
void winnow_model_free(winnow_model *model);

size_t winnow_input_count(const winnow_model *model);
size_t winnow_output_count(const winnow_model *model);
/* Names of what a model takes and gives, valid as long as the model; NULL beyond the last. */
const char *winnow_input_name(const winnow_model *model, size_t index);
const char *winnow_output_name(const winnow_model *model, size_t index);
/* Type and shape of an input; extents that are open are -1, `data` is NULL. */
int winnow_input_info(const winnow_model *model, size_t index, winnow_array *info);

/* Prepares a model for running. */
winnow_session *winnow_session_new(const winnow_model *model);
/* NULL is allowed. */
void winnow_session_free(winnow_session *session);

/* Copies an array for an input; it stays for all runs until it is set again. `byte_count` may be 0: it then follows from type and extents. */
int winnow_set_input(winnow_session *session, const char *name, const winnow_array *array);
/* Computes all outputs. */
int winnow_run(winnow_session *session);
/* An output of the last run, valid until the session runs again or is freed. */
int winnow_get_output(winnow_session *session, const char *name, winnow_array *array);

#ifdef __cplusplus
}
#endif

#endif
