#include "WinnowRecurrent.h"
#include "Vectors.h"
#include "WinnowExponential.h"
#include "EachProcessor.h"
#include <string.h>

enum { MOST = WINNOW_PANEL / LANES };

INLINE int64_t start_of(int64_t vector, int64_t columns) {
    const int64_t start = vector * LANES;
    return start + LANES <= columns || columns < LANES ? start : columns - LANES;
}

void winnow_recurrent_panels(const float *weights, int64_t columns, int64_t depth, float *panels) {
    const int64_t vectors = (columns + LANES - 1) / LANES;
    for (int64_t v = 0; v < vectors; v++) {
        float *panel = panels + v / MOST * WINNOW_PANEL * depth + v % MOST * LANES;
        for (int64_t k = 0; k < depth; k++)
            for (int64_t lane = 0; lane < LANES; lane++)
                panel[k * WINNOW_PANEL + lane] = lane < columns ? weights[(start_of(v, columns) + lane) * depth + k] : 0;
    }
}

// Some rows with some vectors of a panel; a single row has two sums for each number, so that none waits for the other.
INLINE void product(
    const int rows, const int vectors, int64_t depth, const float *states, const float *panel, const float *input, int64_t input_step,
    float *result, int64_t result_step, const int64_t *starts) {
    floats sums[4][MOST], others[MOST];
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++) sums[r][v] = loaded(input + r * input_step + starts[v]);
    int64_t k = 0;
    if (rows == 1) {
        for (int v = 0; v < vectors; v++) others[v] = (floats){0};
        for (; k + 2 <= depth; k += 2) {
            const floats a = (floats){0} + states[k], b = (floats){0} + states[k + 1];
            for (int v = 0; v < vectors; v++) {
                sums[0][v] += a * loaded(panel + k * WINNOW_PANEL + v * LANES);
                others[v] += b * loaded(panel + (k + 1) * WINNOW_PANEL + v * LANES);
            }
        }
        for (int v = 0; v < vectors; v++) sums[0][v] += others[v];
    }
    for (; k < depth; k++) {
        floats w[MOST];
        for (int v = 0; v < vectors; v++) w[v] = loaded(panel + k * WINNOW_PANEL + v * LANES);
        for (int r = 0; r < rows; r++) {
            const floats state = (floats){0} + states[r * depth + k];
            for (int v = 0; v < vectors; v++) sums[r][v] += state * w[v];
        }
    }
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++) store(sums[r][v], result + r * result_step + starts[v]);
}

// Of fewer columns than a vector has.
INLINE void narrow_product(
    int64_t rows, int64_t depth, int64_t columns, const float *states, const float *panel, const float *input, int64_t input_step,
    float *result, int64_t result_step) {
    for (int64_t row = 0; row < rows; row++, states += depth, input += input_step, result += result_step) {
        float numbers[LANES] = {0};
        memcpy(numbers, input, (size_t)columns * sizeof(float));
        floats sum = loaded(numbers), other = (floats){0};
        int64_t k = 0;
        for (; k + 2 <= depth; k += 2) {
            sum += ((floats){0} + states[k]) * loaded(panel + k * WINNOW_PANEL);
            other += ((floats){0} + states[k + 1]) * loaded(panel + (k + 1) * WINNOW_PANEL);
        }
        if (k < depth) sum += ((floats){0} + states[k]) * loaded(panel + k * WINNOW_PANEL);
        store(sum + other, numbers);
        memcpy(result, numbers, (size_t)columns * sizeof(float));
    }
}

#define ROWS(count, number)                                                                                                \
    for (; row + number <= rows; row += number)                                                                            \
        product(number, count, depth, states + row * depth, panel, input + row * input_step, input_step,                   \
                result + row * result_step, result_step, starts);
#define VECTORS(count)                                                                                                     \
    case count: {                                                                                                          \
        ROWS(count, 4) ROWS(count, 2) ROWS(count, 1)                                                                       \
    } break;

FOR_EACH_PROCESSOR void winnow_recurrent_product(
    int64_t rows, int64_t depth, int64_t columns, const float *states, const float *panels, const float *input, int64_t input_step,
    float *result, int64_t result_step) {
    if (columns < LANES) {
        narrow_product(rows, depth, columns, states, panels, input, input_step, result, result_step);
        return;
    }
    const int64_t vectors = (columns + LANES - 1) / LANES;
    for (int64_t first = 0; first < vectors; first += MOST) {
        const float *panel = panels + first * LANES * depth;
        const int64_t count = vectors - first < MOST ? vectors - first : MOST;
        int64_t starts[MOST], row = 0;
        for (int64_t v = 0; v < count; v++) starts[v] = start_of(first + v, columns);
        switch (count) { VECTORS(1) VECTORS(2) VECTORS(3) VECTORS(4) }
    }
}

#define EACH(...) _Pragma("clang loop vectorize(assume_safety)") for (int64_t j = 0; j < size; j++) { __VA_ARGS__ }

FOR_EACH_PROCESSOR void winnow_lstm_step(
    int64_t rows, int64_t size, const float *gates, const float *memory, float *hidden, float *next_memory) {
    for (int64_t row = 0; row < rows; row++, gates += 4 * size, memory += size, hidden += size, next_memory += size)
        EACH(const float kept = winnow_logistic(gates[2 * size + j]) * memory[j];
             const float admitted = winnow_logistic(gates[j]) * winnow_hyperbolic_tangent(gates[3 * size + j]);
             next_memory[j] = kept + admitted;
             hidden[j] = winnow_logistic(gates[size + j]) * winnow_hyperbolic_tangent(kept + admitted);)
}

FOR_EACH_PROCESSOR void winnow_gru_gates(
    int64_t rows, int64_t size, float *gates, const float *bias, const float *hidden, float *reset) {
    for (int64_t row = 0; row < rows; row++, gates += 2 * size, reset += size) {
        EACH(gates[j] = winnow_logistic(gates[j] + bias[j]);)
        if (hidden) EACH(reset[j] = winnow_logistic(gates[size + j] + bias[size + j]) * hidden[row * size + j];)
        else EACH(reset[j] = winnow_logistic(gates[size + j] + bias[size + j]);)
    }
}

FOR_EACH_PROCESSOR void winnow_gru_step(
    int64_t rows, int64_t size, const float *gates, const float *product, const float *reset, const float *input, int64_t input_step,
    const float *hidden, float *next) {
    for (int64_t row = 0; row < rows; row++, gates += 2 * size, product += size, input += input_step, hidden += size, next += size) {
        if (reset)
            EACH(const float candidate = winnow_hyperbolic_tangent(input[j] + reset[row * size + j] * product[j]);
                 next[j] = candidate + gates[j] * (hidden[j] - candidate);)
        else
            EACH(const float candidate = winnow_hyperbolic_tangent(product[j]);
                 next[j] = candidate + gates[j] * (hidden[j] - candidate);)
    }
}
