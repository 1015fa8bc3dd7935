#ifndef WINNOW_EXPONENTIAL_H
#define WINNOW_EXPONENTIAL_H
#include <math.h>
#include <stdint.h>
#define WINNOW_INLINE static inline __attribute__((always_inline))

// Exponential, logarithm and what activations make of them, of one float32, for loops in C and in Swift. No branches and no library calls, so that the loops
// vectorize: where two formulas meet, both are computed before one is chosen. Polynomials after Moshier's Cephes library.
// Errors stay below 3 units in the last place.

WINNOW_INLINE float winnow_from_bits(uint32_t bits) {
    float x;
    __builtin_memcpy(&x, &bits, 4);
    return x;
}

WINNOW_INLINE uint32_t winnow_bits_of(float x) {
    uint32_t bits;
    __builtin_memcpy(&bits, &x, 4);
    return bits;
}

WINNOW_INLINE float winnow_power_of_two(int32_t k) { return winnow_from_bits((uint32_t)(k + 127) << 23); }

/// x = k ln 2 + r with r near 0: e^x = 2^k (1 + tail). NaN stays in the tail.
WINNOW_INLINE float winnow_reduced(float x, int32_t *k) {
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
    *k = (int32_t)(winnow_bits_of(shifted) - 0x4B400000u);
    return p * (r * r) + r;
}

WINNOW_INLINE float winnow_exponential(float x) {
    int32_t k;
    const float tail = winnow_reduced(x, &k);
    const int32_t half = k >> 1;
    return (1 + tail) * winnow_power_of_two(half) * winnow_power_of_two(k - half);
}

WINNOW_INLINE float winnow_logarithm(float x) {
    const int is_subnormal = x < 1.17549435e-38f;
    const int32_t bits = (int32_t)winnow_bits_of(is_subnormal ? x * 33554432.0f : x);
    const int32_t exponent = (int32_t)((uint32_t)bits - 0x3F3504F3u) >> 23;
    const float f = winnow_from_bits((uint32_t)bits - ((uint32_t)exponent << 23)) - 1;
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

WINNOW_INLINE float winnow_magnitude(float x) { return winnow_from_bits(winnow_bits_of(x) & 0x7FFFFFFF); }

WINNOW_INLINE float winnow_copy_sign(float size, float sign) {
    return winnow_from_bits((winnow_bits_of(size) & 0x7FFFFFFF) | (winnow_bits_of(sign) & 0x80000000));
}

WINNOW_INLINE float winnow_logistic(float x) {
    const float tail = winnow_exponential(-winnow_magnitude(x));
    return (x < 0 ? tail : 1) / (1 + tail);
}

WINNOW_INLINE float winnow_hyperbolic_tangent(float x) {
    const float size = winnow_magnitude(x);
    const float z = x * x;
    float p = z * -5.7049887230e-3f + 2.0639089071e-2f;
    p = p * z - 5.3739715581e-2f;
    p = p * z + 1.3331442372e-1f;
    p = p * z - 3.3333281138e-1f;
    const float near = p * z * x + x;
    const float far = winnow_copy_sign(1 - 2 / (winnow_exponential(size + size) + 1), x);
    return size < 0.625f ? near : far;
}

#endif
