/* Runs an ONNX model on zeros, in as many threads as asked for, and prints the first numbers of every output.
 *
 *   cc run.c $(pkg-config --cflags --libs winnow) -lpthread -o run && ./run model.onnx 4
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <winnow.h>

/* Who prints a line. */
static pthread_mutex_t printing = PTHREAD_MUTEX_INITIALIZER;

static int fail(const char *what) {
    fprintf(stderr, "run: %s: %s\n", what, winnow_error());
    return 1;
}

/* One session of the model, run a few times. */
static void *work(void *argument) {
    const winnow_model *model = argument;
    winnow_session *session = winnow_session_new(model);
    if (!session) return (void *)(intptr_t)fail("session");
    int status = 0;
    for (size_t i = 0; i < winnow_input_count(model) && !status; i++) {
        winnow_array input;
        size_t count = 1;
        if (winnow_input_info(model, i, &input)) { status = fail("input"); break; }
        for (int axis = 0; axis < input.rank; axis++) {
            if (input.extents[axis] < 0) input.extents[axis] = 1; /* An open extent: one sample. */
            count *= (size_t)input.extents[axis];
        }
        void *zeros = calloc(count, 8); /* No element takes more. */
        input.data = zeros;
        if (winnow_set_input(session, winnow_input_name(model, i), &input)) status = fail("input");
        free(zeros);
    }
    for (int round = 0; round < 10 && !status; round++)
        if (winnow_run(session)) status = fail("run");
    for (size_t i = 0; i < winnow_output_count(model) && !status; i++) {
        winnow_array output;
        const char *name = winnow_output_name(model, i);
        if (winnow_get_output(session, name, &output)) { status = fail("output"); break; }
        pthread_mutex_lock(&printing);
        printf("%s:", name);
        for (size_t k = 0; output.type == WINNOW_FLOAT32 && k < 5 && k < output.byte_count / 4; k++) printf(" %.6g", ((const float *)output.data)[k]);
        printf("\n");
        pthread_mutex_unlock(&printing);
    }
    winnow_session_free(session);
    return (void *)(intptr_t)status;
}

int main(int count, char **words) {
    if (count < 2) return fprintf(stderr, "usage: run model.onnx [threads]\n"), 2;
    winnow_model *model = winnow_model_load(words[1]);
    if (!model) return fail("load");
    int threads = count > 2 ? atoi(words[2]) : 1, status = 0;
    pthread_t workers[64];
    if (threads < 1 || threads > 64) threads = 1;
    for (int i = 0; i < threads; i++) pthread_create(&workers[i], NULL, work, model);
    for (int i = 0; i < threads; i++) {
        void *result;
        pthread_join(workers[i], &result);
        status |= (int)(intptr_t)result;
    }
    winnow_model_free(model);
    return status;
}
