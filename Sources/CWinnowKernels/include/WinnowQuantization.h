#ifndef WINNOWQUANTIZATION_H
#define WINNOWQUANTIZATION_H
#include <stddef.h>
#include <stdint.h>

/// In every function element i uses scale[i * step] and zero point[i * step]: step 0 is one for the row, 1 one for each.
/// Codes are rounded half to even and clamped to low...high.

void winnow_quantize_u8(const float *x, uint8_t *y, size_t n, const float *scale, const float *zero, int step, float low, float high);
void winnow_quantize_s8(const float *x, int8_t *y, size_t n, const float *scale, const float *zero, int step, float low, float high);
void winnow_quantize_u16(const float *x, uint16_t *y, size_t n, const float *scale, const float *zero, int step, float low, float high);
void winnow_quantize_s16(const float *x, int16_t *y, size_t n, const float *scale, const float *zero, int step, float low, float high);

/// Codes of `channels` rows, `plane` floats apart, pixel by pixel: y[i * channels + c] of x[c * plane + i] for i below `n`.
void winnow_quantize_interleaved(
    const float *x, uint8_t *y, size_t channels, size_t plane, size_t n, float scale, float zero, float low, float high);

/// sums[i] += x[i].
void winnow_add_codes_u8(const uint8_t *x, int32_t *sums, size_t n);
void winnow_add_codes_s8(const int8_t *x, int32_t *sums, size_t n);

/// The source's encoding, a parameter of the function, and the target's zero point and codes.
struct winnow_gating {
    float source_scale, source_zero, alpha, zero, low, high;
};

/// Sums of f(x[i]), and codes of f(x[i]) · gate[i], where f works on the numbers that codes stand for.
#define WINNOW_FUNCTIONS_OF_CODES(suffix, type)                                                                            \
    void winnow_add_##suffix(const type *x, float *sums, size_t n, const struct winnow_gating *gating);                    \
    void winnow_gate_##suffix(const type *x, const float *gate, uint8_t *y, size_t n, const struct winnow_gating *gating);
WINNOW_FUNCTIONS_OF_CODES(same_u8, uint8_t)
WINNOW_FUNCTIONS_OF_CODES(same_s8, int8_t)
WINNOW_FUNCTIONS_OF_CODES(relu_u8, uint8_t)
WINNOW_FUNCTIONS_OF_CODES(relu_s8, int8_t)
WINNOW_FUNCTIONS_OF_CODES(hard_swish_u8, uint8_t)
WINNOW_FUNCTIONS_OF_CODES(hard_swish_s8, int8_t)
WINNOW_FUNCTIONS_OF_CODES(swish_u8, uint8_t)
WINNOW_FUNCTIONS_OF_CODES(swish_s8, int8_t)

void winnow_dequantize_u8(const uint8_t *x, float *y, size_t n, const float *scale, const float *zero, int step);
void winnow_dequantize_s8(const int8_t *x, float *y, size_t n, const float *scale, const float *zero, int step);
void winnow_dequantize_u16(const uint16_t *x, float *y, size_t n, const float *scale, const float *zero, int step);
void winnow_dequantize_s16(const int16_t *x, float *y, size_t n, const float *scale, const float *zero, int step);
void winnow_dequantize_s32(const int32_t *x, float *y, size_t n, const float *scale, const float *zero, int step);

/// The encodings of two summands and of their sum; the sum's codes are from low to high.
struct winnow_sum {
    float left_scale, left_zero, right_scale, right_zero, scale, zero, low, high;
};

/// Codes of the sum of two tensors of codes; the letters say which summand is unsigned and which signed.
void winnow_quantized_add_uu(const uint8_t *a, const uint8_t *b, uint8_t *y, size_t n, const struct winnow_sum *sum);
void winnow_quantized_add_us(const uint8_t *a, const int8_t *b, uint8_t *y, size_t n, const struct winnow_sum *sum);
void winnow_quantized_add_su(const int8_t *a, const uint8_t *b, uint8_t *y, size_t n, const struct winnow_sum *sum);
void winnow_quantized_add_ss(const int8_t *a, const int8_t *b, uint8_t *y, size_t n, const struct winnow_sum *sum);

/// y[i] = table[x[i]]; `y` may be `x`.
void winnow_look_up(const uint8_t *x, uint8_t *y, size_t n, const uint8_t *table);

/// Quantizes and dequantizes at once.
void winnow_fake_quantize(const float *x, float *y, size_t n, const float *scale, const float *zero, int step, float low, float high);

/// dx = dy where the code is not clamped, else 0. `dx` may be null.
/// `dscale[i * step]` gains dy · (code − zero − x / scale), without the last term where the code is clamped.
void winnow_fake_quantize_gradient(
    const float *dy, const float *x, float *dx, double *dscale, size_t n, const float *scale, const float *zero, int step,
    float low, float high);

/// sums[(row * channels + channel) * stride + k] -= value * filter_sums[channel], for so many rows.
void winnow_subtract_zero_point(
    int32_t *sums, const int32_t *filter_sums, int32_t value, size_t rows, size_t channels, size_t stride);

#endif
