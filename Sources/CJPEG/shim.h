// libjpeg reports errors by a function that must not return, so the way back is longjmp, which Swift cannot do.
#include <stddef.h>
#include <stdio.h>
#include <setjmp.h>
#include <string.h>
#include <jpeglib.h>
#include <jerror.h>

typedef struct {
    struct jpeg_error_mgr manager;
    jmp_buf exit;
    int is_cut_short;
    char message[JMSG_LENGTH_MAX];
} winnow_jpeg_errors;

static inline void winnow_jpeg_fail(j_common_ptr state) {
    winnow_jpeg_errors *errors = (winnow_jpeg_errors *)state->err;
    state->err->format_message(state, errors->message);
    longjmp(errors->exit, 1);
}

static inline void winnow_jpeg_note(j_common_ptr state, int level) {
    if (level < 0 && state->err->msg_code == JWRN_JPEG_EOF) ((winnow_jpeg_errors *)state->err)->is_cut_short = 1;
}

static inline void winnow_jpeg_begin(struct jpeg_decompress_struct *state, winnow_jpeg_errors *errors,
                                     const unsigned char *bytes, size_t count) {
    memset(state, 0, sizeof *state);
    memset(errors, 0, sizeof *errors);
    state->err = jpeg_std_error(&errors->manager);
    errors->manager.error_exit = winnow_jpeg_fail;
    errors->manager.emit_message = winnow_jpeg_note;
}

// Reads width and height; 0 and a message if the bytes are no JPEG.
static inline int winnow_jpeg_size(const unsigned char *bytes, size_t count, int *width, int *height, char *message) {
    struct jpeg_decompress_struct state;
    winnow_jpeg_errors errors;
    winnow_jpeg_begin(&state, &errors, bytes, count);
    if (setjmp(errors.exit)) {
        memcpy(message, errors.message, JMSG_LENGTH_MAX);
        jpeg_destroy_decompress(&state);
        return 0;
    }
    jpeg_create_decompress(&state);
    jpeg_mem_src(&state, bytes, count);
    jpeg_read_header(&state, TRUE);
    *width = state.image_width;
    *height = state.image_height;
    jpeg_destroy_decompress(&state);
    return 1;
}

// Decodes into width·height RGB pixels; 0 and a message if the bytes are damaged or cut short.
static inline int winnow_jpeg_decode(const unsigned char *bytes, size_t count, unsigned char *pixels, char *message) {
    struct jpeg_decompress_struct state;
    winnow_jpeg_errors errors;
    winnow_jpeg_begin(&state, &errors, bytes, count);
    if (setjmp(errors.exit)) {
        memcpy(message, errors.message, JMSG_LENGTH_MAX);
        jpeg_destroy_decompress(&state);
        return 0;
    }
    jpeg_create_decompress(&state);
    jpeg_mem_src(&state, bytes, count);
    jpeg_read_header(&state, TRUE);
    state.out_color_space = JCS_RGB;
    jpeg_start_decompress(&state);
    while (state.output_scanline < state.output_height) {
        JSAMPROW row = pixels + (size_t)state.output_scanline * state.output_width * 3;
        jpeg_read_scanlines(&state, &row, 1);
    }
    if (errors.is_cut_short) strcpy(message, "is cut short");
    jpeg_destroy_decompress(&state);
    return !errors.is_cut_short;
}
