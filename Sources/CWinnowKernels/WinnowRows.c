#include "WinnowRows.h"
#include "WinnowExponential.h"
#include "EachProcessor.h"

// Sums may be added up in any order, so that they run in vectors.
#define SUM(result, expression)                                                                                          \
    float result = 0;                                                                                                    \
    {                                                                                                                    \
        _Pragma("clang fp reassociate(on)") for (size_t j = 0; j < width; j++) result += (expression);                   \
    }

#define EACH(statement) _Pragma("clang loop vectorize(assume_safety)") for (size_t j = 0; j < width; j++) { statement; }

FOR_EACH_PROCESSOR void winnow_softmax_gradient(
    const float *dy, const float *y, float *dx, size_t rows, size_t width, int logarithm) {
    for (size_t row = 0; row < rows; row++, dy += width, y += width, dx += width) {
        if (logarithm) {
            SUM(sum, dy[j])
            EACH(dx[j] = dy[j] - winnow_exponential(y[j]) * sum)
        } else {
            SUM(sum, dy[j] * y[j])
            EACH(dx[j] = y[j] * (dy[j] - sum))
        }
    }
}

FOR_EACH_PROCESSOR void winnow_layer_normalization_gradient(
    const float *x, const float *dy, const float *scale, float *dx, double *dscale, double *dshift, float *partial,
    size_t rows, size_t width, float epsilon) {
    float *scales = partial, *shifts = partial + width;
    EACH(scales[j] = shifts[j] = 0)
    for (size_t row = 0; row < rows; row++, x += width, dy += width, dx += width) {
        SUM(total, x[j])
        const float mean = total / (float)width;
        SUM(squares, (x[j] - mean) * (x[j] - mean))
        const float factor = 1 / sqrtf(squares / (float)width + epsilon);
        SUM(sum, dy[j] * scale[j])
        SUM(product, dy[j] * scale[j] * (x[j] - mean))
        const float shared = sum / (float)width, slope = product * factor * factor / (float)width;
        EACH(const float g = dy[j]; const float centered = x[j] - mean; scales[j] += g * (centered * factor); shifts[j] += g;
             dx[j] = factor * (g * scale[j] - shared - centered * slope))
    }
    EACH(dscale[j] += scales[j]; dshift[j] += shifts[j])
}
