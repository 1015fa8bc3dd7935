#include "WinnowElementary.h"
#include <math.h>
#include <stdint.h>

#if defined(__x86_64__) && defined(__linux__)
#define CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define CLONES
#endif
#define INLINE static inline __attribute__((always_inline))

// No branches and no library calls, so that the loops vectorize: where two formulas meet, both are computed before one is
// chosen. Polynomials after Moshier's Cephes library; error functions after N. Juffa.

INLINE float from_bits(uint32_t bits) {
    float x;
    __builtin_memcpy(&x, &bits, 4);
    return x;
}

INLINE uint32_t bits_of(float x) {
    uint32_t bits;
    __builtin_memcpy(&bits, &x, 4);
    return bits;
}

INLINE float magnitude(float x) { return from_bits(bits_of(x) & 0x7FFFFFFF); }

INLINE float copy_sign(float size, float sign) {
    return from_bits((bits_of(size) & 0x7FFFFFFF) | (bits_of(sign) & 0x80000000));
}

INLINE float power_of_two(int32_t k) { return from_bits((uint32_t)(k + 127) << 23); }

/// x = k ln 2 + r with r near 0: e^x = 2^k (1 + tail). NaN stays in the tail.
INLINE float reduced(float x, int32_t *k) {
    const float high = x > 89 ? 89 : x;
    const float clamped = high < -104 ? -104 : high;
    const float shifted = clamped * 1.44269504f + 12582912.0f;
    const float steps = shifted - 12582912.0f;
    const float r = (clamped - steps * 0.693359375f) - steps * -2.12194440e-4f;
    float p = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    *k = (int32_t)(bits_of(shifted) - 0x4B400000u);
    return p * (r * r) + r;
}

INLINE float exponential(float x) {
    int32_t k;
    const float tail = reduced(x, &k);
    const int32_t half = k >> 1;
    return (1 + tail) * power_of_two(half) * power_of_two(k - half);
}

/// e^x - 1, accurate near 0.
INLINE float exponential_minus_one(float x) {
    int32_t k;
    const float tail = reduced(x, &k);
    const int32_t half = k >> 1;
    const float low = power_of_two(half), high = power_of_two(k - half);
    return tail * low * high + (low * high - 1);
}

INLINE float logarithm(float x) {
    const int is_subnormal = x < 1.17549435e-38f;
    const int32_t bits = (int32_t)bits_of(is_subnormal ? x * 33554432.0f : x);
    const int32_t exponent = (bits - 0x3F3504F3) >> 23;
    const float f = from_bits((uint32_t)bits - ((uint32_t)exponent << 23)) - 1;
    const float k = (float)(exponent - (is_subnormal ? 25 : 0));
    const float z = f * f;
    float p = f * 7.0376836292e-2f - 1.1514610310e-1f;
    p = p * f + 1.1676998740e-1f;
    p = p * f - 1.2420140846e-1f;
    p = p * f + 1.4249322787e-1f;
    p = p * f - 1.6668057665e-1f;
    p = p * f + 2.0000714765e-1f;
    p = p * f - 2.4999993993e-1f;
    p = p * f + 3.3333331174e-1f;
    const float y = (p * f * z + k * -2.12194440e-4f) - 0.5f * z;
    const float result = (f + y) + k * 0.693359375f;
    const float special = x == 0 ? -INFINITY : x == INFINITY ? INFINITY : NAN;
    return x > 0 && x < INFINITY ? result : special;
}

/// log(1 + x), accurate near 0.
INLINE float logarithm_one_plus(float x) {
    const float w = 1 + x;
    const float correction = (x - (w - 1)) / w;
    const float sum = logarithm(w) + correction;
    return w < INFINITY ? sum : w;
}

INLINE float logistic(float x) {
    const float tail = exponential(-magnitude(x));
    return (x < 0 ? tail : 1) / (1 + tail);
}

INLINE float softplus(float x) {
    const float positive = x < 0 ? 0 : x;
    return positive + logarithm_one_plus(exponential(-magnitude(x)));
}

INLINE float hyperbolic_tangent(float x) {
    const float size = magnitude(x);
    const float z = x * x;
    float p = z * -5.7049887230e-3f + 2.0639089071e-2f;
    p = p * z - 5.3739715581e-2f;
    p = p * z + 1.3331442372e-1f;
    p = p * z - 3.3333281138e-1f;
    const float near = p * z * x + x;
    const float far = copy_sign(1 - 2 / (exponential(size + size) + 1), x);
    return size < 0.625f ? near : far;
}

INLINE float error_function(float x) {
    const float size = magnitude(x);
    const float t = size > 4 ? 4 : size;
    const float s = x * x, st = t * t;
    const float u = t * -3.88396438e-3f + 2.42546219e-2f;
    float large = t * -1.72853470e-5f + 3.83197126e-4f;
    large = large * st + u;
    large = large * t - 1.06777877e-1f;
    large = large * t - 6.34846687e-1f;
    large = large * t - 1.28717512e-1f;
    const float far = copy_sign(1 - exponential(large * t - t), x);
    float small = s * -5.96761703e-4f + 4.99119423e-3f;
    small = small * s - 2.67681349e-2f;
    small = small * s + 1.12819925e-1f;
    small = small * s - 3.76125336e-1f;
    small = small * s + 1.28379166e-1f;
    const float near = small * x + x;
    return size > 0.927734375f ? far : near;
}

INLINE float unit_elu(float x, float alpha, float scale) {
    const float below = alpha * exponential_minus_one(scale * x);
    return x < 0 ? below : x;
}

#define LOOP(expression)                                                                                                 \
    _Pragma("clang loop vectorize(assume_safety)") for (size_t i = 0; i < n; i++) y[i] = (expression);

CLONES void winnow_exp(const float *x, float *y, size_t n) { LOOP(exponential(x[i])) }
CLONES void winnow_log(const float *x, float *y, size_t n) { LOOP(logarithm(x[i])) }
CLONES void winnow_tanh(const float *x, float *y, size_t n) { LOOP(hyperbolic_tangent(x[i])) }
CLONES void winnow_erf(const float *x, float *y, size_t n) { LOOP(error_function(x[i])) }
CLONES void winnow_sigmoid(const float *x, float *y, size_t n) { LOOP(logistic(x[i])) }
CLONES void winnow_softplus(const float *x, float *y, size_t n) { LOOP(softplus(x[i])) }
CLONES void winnow_mish(const float *x, float *y, size_t n) { LOOP(x[i] * hyperbolic_tangent(softplus(x[i]))) }
CLONES void winnow_swish(const float *x, float *y, size_t n, float alpha) { LOOP(x[i] * logistic(alpha * x[i])) }
CLONES void winnow_elu(const float *x, float *y, size_t n, float alpha, float gamma, float scale) {
    LOOP(gamma * unit_elu(x[i], alpha, scale))
}
CLONES void winnow_gelu(const float *x, float *y, size_t n) {
    LOOP(0.5f * x[i] * (1 + error_function(x[i] * 0.7071067812f)))
}
CLONES void winnow_gelu_tanh(const float *x, float *y, size_t n) {
    LOOP(0.5f * x[i] * (1 + hyperbolic_tangent(0.7978845608f * (x[i] + 0.044715f * x[i] * x[i] * x[i]))))
}
