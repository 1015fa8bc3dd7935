#include "WinnowElementary.h"
#include "WinnowExponential.h"
#include "EachProcessor.h"

// Polynomials after Moshier's Cephes library; error functions after N. Juffa.

/// e^x - 1, accurate near 0.
WINNOW_INLINE float exponential_minus_one(float x) {
    int32_t k;
    const float tail = winnow_reduced(x, &k);
    const int32_t half = k >> 1;
    const float low = winnow_power_of_two(half), high = winnow_power_of_two(k - half);
    return tail * low * high + (low * high - 1);
}

/// log(1 + x), accurate near 0.
WINNOW_INLINE float logarithm_one_plus(float x) {
    const float w = 1 + x;
    const float correction = (x - (w - 1)) / w;
    const float sum = winnow_logarithm(w) + correction;
    return w < INFINITY ? sum : w;
}

WINNOW_INLINE float softplus(float x) {
    const float positive = x < 0 ? 0 : x;
    return positive + logarithm_one_plus(winnow_exponential(-winnow_magnitude(x)));
}

WINNOW_INLINE float error_function(float x) {
    const float size = winnow_magnitude(x);
    const float t = size > 4 ? 4 : size;
    const float s = x * x, st = t * t;
    const float u = t * -3.88396438e-3f + 2.42546219e-2f;
    float large = t * -1.72853470e-5f + 3.83197126e-4f;
    large = large * st + u;
    large = large * t - 1.06777877e-1f;
    large = large * t - 6.34846687e-1f;
    large = large * t - 1.28717512e-1f;
    const float far = winnow_copy_sign(1 - winnow_exponential(large * t - t), x);
    float small = s * -5.96761703e-4f + 4.99119423e-3f;
    small = small * s - 2.67681349e-2f;
    small = small * s + 1.12819925e-1f;
    small = small * s - 3.76125336e-1f;
    small = small * s + 1.28379166e-1f;
    const float near = small * x + x;
    return size > 0.927734375f ? far : near;
}

WINNOW_INLINE float unit_elu(float x, float alpha, float scale) {
    const float below = alpha * exponential_minus_one(scale * x);
    return x < 0 ? below : x;
}

#define LOOP(expression)                                                                                                 \
    _Pragma("clang loop vectorize(assume_safety)") for (size_t i = 0; i < n; i++) y[i] = (expression);

FOR_EACH_PROCESSOR void winnow_exp(const float *x, float *y, size_t n) { LOOP(winnow_exponential(x[i])) }
FOR_EACH_PROCESSOR void winnow_log(const float *x, float *y, size_t n) { LOOP(winnow_logarithm(x[i])) }
FOR_EACH_PROCESSOR void winnow_tanh(const float *x, float *y, size_t n) { LOOP(winnow_hyperbolic_tangent(x[i])) }
FOR_EACH_PROCESSOR void winnow_erf(const float *x, float *y, size_t n) { LOOP(error_function(x[i])) }
FOR_EACH_PROCESSOR void winnow_sigmoid(const float *x, float *y, size_t n) { LOOP(winnow_logistic(x[i])) }
FOR_EACH_PROCESSOR void winnow_softplus(const float *x, float *y, size_t n) { LOOP(softplus(x[i])) }
FOR_EACH_PROCESSOR void winnow_mish(const float *x, float *y, size_t n) { LOOP(x[i] * winnow_hyperbolic_tangent(softplus(x[i]))) }
FOR_EACH_PROCESSOR void winnow_swish(const float *x, float *y, size_t n, float alpha) { LOOP(x[i] * winnow_logistic(alpha * x[i])) }
FOR_EACH_PROCESSOR void winnow_elu(const float *x, float *y, size_t n, float alpha, float gamma, float scale) {
    LOOP(gamma * unit_elu(x[i], alpha, scale))
}
FOR_EACH_PROCESSOR void winnow_gelu(const float *x, float *y, size_t n) {
    LOOP(0.5f * x[i] * (1 + error_function(x[i] * 0.7071067812f)))
}
FOR_EACH_PROCESSOR void winnow_gelu_tanh(const float *x, float *y, size_t n) {
    LOOP(0.5f * x[i] * (1 + winnow_hyperbolic_tangent(0.7978845608f * (x[i] + 0.044715f * x[i] * x[i] * x[i]))))
}

/// Φ(x) + x φ(x)
WINNOW_INLINE float gelu_slope(float x) {
    return 0.5f * (1 + error_function(x * 0.7071067812f)) + x * (0.3989422804f * winnow_exponential(-0.5f * x * x));
}

/// (1 + t)/2 + x/2 (1 - t^2) u' with t = tanh(u), u = sqrt(2 / pi) (x + 0.044715 x^3)
WINNOW_INLINE float gelu_tanh_slope(float x) {
    const float t = winnow_hyperbolic_tangent(0.7978845608f * (x + 0.044715f * x * x * x));
    return 0.5f * (1 + t) + 0.5f * x * (1 - t * t) * (0.7978845608f + 0.1070322243f * x * x);
}

WINNOW_INLINE float swish_slope(float x, float alpha) {
    const float gate = winnow_logistic(alpha * x);
    return gate + alpha * x * gate * (1 - gate);
}

#define GRADIENT_LOOP(slope)                                                                                             \
    _Pragma("clang loop vectorize(assume_safety)") for (size_t i = 0; i < n; i++) dx[i] = dy[i] * (slope);

FOR_EACH_PROCESSOR void winnow_gelu_gradient(const float *dy, const float *x, float *dx, size_t n) {
    GRADIENT_LOOP(gelu_slope(x[i]))
}
FOR_EACH_PROCESSOR void winnow_gelu_tanh_gradient(const float *dy, const float *x, float *dx, size_t n) {
    GRADIENT_LOOP(gelu_tanh_slope(x[i]))
}
FOR_EACH_PROCESSOR void winnow_swish_gradient(const float *dy, const float *x, float *dx, size_t n, float alpha) {
    GRADIENT_LOOP(swish_slope(x[i], alpha))
}
