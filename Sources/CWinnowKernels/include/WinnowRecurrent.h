#ifndef WINNOWRECURRENT_H
#define WINNOWRECURRENT_H
#include <stdint.h>

/// Columns of a panel of weights.
enum { WINNOW_PANEL = 64 };

/// The weights, (columns, depth), as `winnow_recurrent_product` reads them: panels of up to 64 columns, each (depth, 64).
///
/// Vectors are of 16 columns; the last one begins earlier where columns are no multiple of it. `panels` takes ⌈columns / 64⌉ of them.
void winnow_recurrent_panels(const float *weights, int64_t columns, int64_t depth, float *panels);

/// result = input + states · weightsᵀ for 16 columns or more: states are (rows, depth), input and result (rows, columns), the beginnings of
/// their rows so many numbers apart.
void winnow_recurrent_product(
    int64_t rows, int64_t depth, int64_t columns, const float *states, const float *panels, const float *input, int64_t input_step,
    float *result, int64_t result_step);

/// One step of LSTMs from their gates (rows, input · output · forget · cell) and cell states (rows, size).
void winnow_lstm_step(
    int64_t rows, int64_t size, const float *gates, const float *memory, float *hidden, float *next_memory);

/// Activates the gates (rows, update · reset) of GRUs after the recurrent bias is added; `reset` (rows, size) becomes the reset gate, times
/// `hidden` where there is one.
void winnow_gru_gates(int64_t rows, int64_t size, float *gates, const float *bias, const float *hidden, float *reset);

/// One step of GRUs: the candidate is made of `product` alone, or, with `reset`, of `input` (rows so many numbers apart) + reset · product.
void winnow_gru_step(
    int64_t rows, int64_t size, const float *gates, const float *product, const float *reset, const float *input, int64_t input_step,
    const float *hidden, float *next);

#endif
