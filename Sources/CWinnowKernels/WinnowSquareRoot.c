#include "WinnowSquareRoot.h"
#include "EachProcessor.h"

FOR_EACH_PROCESSOR void winnow_square_root(const float *x, float *y, size_t n) {
    for (size_t i = 0; i < n; i++) y[i] = __builtin_elementwise_sqrt(x[i]);
}

FOR_EACH_PROCESSOR void winnow_adam(
    const winnow_adam_constants *constants, float *restrict w, const float *restrict g, float *restrict m,
    float *restrict v, size_t n) {
    const winnow_adam_constants c = *constants;
    for (size_t i = 0; i < n; i++) {
        const float slope = g[i] * c.gradient_scale + c.decay * w[i];
        const float mean = m[i] + (slope - m[i]) * c.take1;
        const float variance = v[i] * c.keep2 + slope * slope * c.take2;
        m[i] = mean;
        v[i] = variance;
        w[i] = w[i] * c.shrink - c.step_size * (mean / (__builtin_elementwise_sqrt(variance) / c.root_correction + c.epsilon));
    }
}
