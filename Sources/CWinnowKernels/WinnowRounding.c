#include "WinnowRounding.h"
#include "WinnowExponential.h"
#include "EachProcessor.h"

/// Half to even, for magnitudes below 2^22: adding this pushes the fraction out of the mantissa.
static const float magic = 12582912.0f;

/// Numbers without a scale are 0.
static inline float nearest(float x, float scale, float zero, float low, float high) {
    const float quotient = x / scale, bottom = low - zero, top = high - zero;
    const float above = quotient > bottom ? quotient : bottom;
    return scale == 0 ? 0 : ((above > top ? top : above) + magic - magic) * scale;
}

FOR_EACH_PROCESSOR void winnow_round_nearest(
    const float *restrict x, float *restrict target, size_t n, const float *restrict scale, const float *restrict zero,
    float low, float high) {
    for (size_t i = 0; i < n; i++) target[i] = nearest(x[i], scale[i], zero[i], low, high);
}

FOR_EACH_PROCESSOR void winnow_round_compensated(
    float *restrict x, size_t width, const float *restrict factor, float *restrict errors, size_t stride,
    const float *restrict scale, const float *restrict zero, float low, float high) {
    for (size_t j = 0; j < width; j++) {
        const float *row = factor + j * width;
        const float value = nearest(x[j], scale[j], zero[j], low, high);
        const float error = (x[j] - value) / row[j];
        x[j] = value;
        errors[j * stride] = error;
        for (size_t k = j + 1; k < width; k++) x[k] -= error * row[k];
    }
}

FOR_EACH_PROCESSOR void winnow_soft_differences(
    const float *restrict x, const float *restrict part, float *restrict target, size_t n, const float *restrict scale,
    const float *restrict zero, float low, float high) {
    for (size_t i = 0; i < n; i++) {
        const float code = scale[i] == 0 ? 0 : floorf(x[i] / scale[i]) + part[i], bottom = low - zero[i], top = high - zero[i];
        const float above = code > bottom ? code : bottom;
        target[i] = scale[i] * (above > top ? top : above) - x[i];
    }
}

FOR_EACH_PROCESSOR void winnow_soft_step(
    float *restrict part, float *restrict logit, float *restrict first, float *restrict second, const float *restrict slope,
    const float *restrict scale, size_t n, const struct winnow_soft_constants *step) {
    const float factor = step->factor, weight = 2 * step->pressure * step->sharpness, exponent = step->sharpness - 1;
    const float rate = step->rate, root = step->root;
    for (size_t i = 0; i < n; i++) {
        const float h = part[i], sigmoid = (h + 0.1f) / 1.2f, distance = 2 * h - 1, size = distance < 0 ? -distance : distance;
        const float push = weight * winnow_exponential(exponent * winnow_logarithm(size));
        const float gradient = factor * scale[i] * slope[i] - (distance < 0 ? -push : push);
        const float own = gradient * 1.2f * sigmoid * (1 - sigmoid);
        const float mean = 0.9f * first[i] + 0.1f * own, square = 0.999f * second[i] + 0.001f * own * own;
        const float moved = logit[i] - rate * mean / (sqrtf(square) * root + 1e-8f);
        const float next = 1.2f / (1 + winnow_exponential(-moved)) - 0.1f;
        const int moves = h > 0 && h < 1;
        first[i] = moves ? mean : first[i];
        second[i] = moves ? square : second[i];
        logit[i] = moves ? moved : logit[i];
        part[i] = moves ? (next < 0 ? 0 : next > 1 ? 1 : next) : h;
    }
}
