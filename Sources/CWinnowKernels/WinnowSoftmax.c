#include "WinnowSoftmax.h"
#include "Vectors.h"
#include <math.h>
#include <string.h>
#include "EachProcessor.h"

/// As in WinnowExponential.h, of numbers up to 0: flushed to 0 where e^x would not be normal; NaN stays.
INLINE floats shrunk(floats x) {
    const floats shifted = x * 1.44269504f + 12582912.0f;
    const floats steps = shifted - 12582912.0f;
    const floats r = (x - steps * 0.693359375f) - steps * -2.12194440e-4f;
    floats p = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    const integers power = ((integers)shifted - (0x4B400000 - 127)) << 23;
    const floats result = (p * (r * r) + r + 1) * (floats)power;
    return x < -87.0f ? (floats)0 : result;
}

INLINE floats larger(floats a, floats b) { return a > b ? a : b; }

INLINE float largest(floats x) {
    x = larger(x, SWAPPED(x, 8));
    x = larger(x, SWAPPED(x, 4));
    x = larger(x, SWAPPED(x, 2));
    return larger(x, SWAPPED(x, 1))[0];
}

/// The last elements of a row, right-aligned in a vector of which `kept` says the lanes; the others count for nothing.
INLINE floats row_end(const float *x, const float *mask, size_t n, integers kept) {
    floats end;
    if (n >= LANES) {
        end = loaded(x + n - LANES);
        if (mask) end += loaded(mask + n - LANES);
    } else {
        for (size_t i = 0; i < n; i++) end[LANES - n + i] = mask ? x[i] + mask[i] : x[i];
    }
    return kept ? end : (floats)-INFINITY;
}

INLINE void store_end(floats end, float *y, size_t n, integers kept) {
    if (n >= LANES) {
        store(kept ? end : loaded(y + n - LANES), y + n - LANES);
    } else {
        for (size_t i = 0; i < n; i++) y[i] = end[LANES - n + i];
    }
}

INLINE void softmax_row(const float *x, float *y, size_t n, const float *mask, int clears) {
    const size_t whole = n / LANES * LANES;
    const integers places = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    const integers kept = places >= (int32_t)(LANES - (n - whole));
    floats end = row_end(x, mask, n, kept);
    floats top = end;
    for (size_t i = 0; i < whole; i += LANES) {
        floats value = loaded(x + i);
        if (mask) store(value += loaded(mask + i), y + i);
        top = larger(value, top);
    }
    const float high = largest(top);
    end = shrunk(end - high);
    floats sum = end;
    for (size_t i = 0; i < whole; i += LANES) {
        const floats value = shrunk(loaded((mask ? y : x) + i) - high);
        store(value, y + i);
        sum += value;
    }
    const float total = total_of(sum);
    if (clears && !(total > 0)) {
        memset(y, 0, n * sizeof *y);
        return;
    }
    const float factor = 1 / total;
    if (n > whole) store_end(end * factor, y, n, kept);
    for (size_t i = 0; i < whole; i += LANES) store(loaded(y + i) * factor, y + i);
}

FOR_EACH_PROCESSOR void winnow_softmax(
    const float *x, float *y, size_t rows, size_t n, const float *mask, ptrdiff_t mask_row, ptrdiff_t mask_step, int clears) {
    for (size_t row = 0; row < rows; row++, x += n, y += n) {
        const float *terms = mask ? mask + (ptrdiff_t)row * mask_row : mask;
        if (!mask) {
            softmax_row(x, y, n, NULL, clears);
        } else if (mask_step == 1) {
            softmax_row(x, y, n, terms, clears);
        } else {
            for (size_t i = 0; i < n; i++) y[i] = x[i] + terms[(ptrdiff_t)i * mask_step];
            softmax_row(y, y, n, NULL, clears);
        }
    }
}
