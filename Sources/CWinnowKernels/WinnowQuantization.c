#include "WinnowQuantization.h"
#include "WinnowExponential.h"
#include "EachProcessor.h"

/// Half to even, for magnitudes below 2^22, which clamping sees to: adding this pushes the fraction out of the mantissa.
static const float magic = 12582912.0f;

static inline float clamped(float x, float low, float high) {
    x = x > low ? x : low;  // NaN becomes the lowest.
    return x > high ? high : x;
}

static inline float rounded(float x) { return (x + magic) - magic; }

#define QUANTIZE(name, type)                                                                                             \
    FOR_EACH_PROCESSOR void name(                                                                                                    \
        const float *restrict x, type *restrict y, size_t n, const float *restrict scale, const float *restrict zero,    \
        int step, float low, float high) {                                                                               \
        if (step) {                                                                                                      \
            for (size_t i = 0; i < n; i++)                                                                               \
                y[i] = (type)(int32_t)(rounded(clamped(x[i] / scale[i], low - zero[i], high - zero[i])) + zero[i]);      \
        } else {                                                                                                         \
            const float s = *scale, z = *zero, bottom = low - z, top = high - z;                                         \
            for (size_t i = 0; i < n; i++) y[i] = (type)(int32_t)(rounded(clamped(x[i] / s, bottom, top)) + z);          \
        }                                                                                                                \
    }

QUANTIZE(winnow_quantize_u8, uint8_t)
QUANTIZE(winnow_quantize_s8, int8_t)
QUANTIZE(winnow_quantize_u16, uint16_t)
QUANTIZE(winnow_quantize_s16, int16_t)

/// Pixels that are quantized before they are interleaved.
enum { RUN = 256 };

FOR_EACH_PROCESSOR void winnow_quantize_interleaved(
    const float *restrict x, uint8_t *restrict y, size_t channels, size_t plane, size_t n, float s, float z, float low,
    float high) {
    uint8_t rows[4][RUN];
    const float bottom = low - z, top = high - z;
    for (size_t start = 0; start < n; start += RUN) {
        const size_t count = n - start < RUN ? n - start : RUN;
        for (size_t first = 0; first < channels; first += 4) {
            const size_t width = channels - first < 4 ? channels - first : 4;
            for (size_t j = 0; j < width; j++) {
                const float *from = x + (first + j) * plane + start;
                for (size_t i = 0; i < count; i++)
                    rows[j][i] = (uint8_t)(int32_t)(rounded(clamped(from[i] / s, bottom, top)) + z);
            }
            uint8_t *to = y + start * channels + first;
            if (channels == 3) {
                for (size_t i = 0; i < count; i++) {
                    to[3 * i] = rows[0][i];
                    to[3 * i + 1] = rows[1][i];
                    to[3 * i + 2] = rows[2][i];
                }
            } else if (width == 4) {
                for (size_t i = 0; i < count; i++) {
                    const uint8_t pixel[4] = {rows[0][i], rows[1][i], rows[2][i], rows[3][i]};
                    __builtin_memcpy(to + i * channels, pixel, 4);
                }
            } else {
                for (size_t j = 0; j < width; j++)
                    for (size_t i = 0; i < count; i++) to[i * channels + j] = rows[j][i];
            }
        }
    }
}

#define ADD_CODES(name, type)                                                                                             \
    FOR_EACH_PROCESSOR void name(const type *restrict x, int32_t *restrict sums, size_t n) {                              \
        for (size_t i = 0; i < n; i++) sums[i] += x[i];                                                                   \
    }

ADD_CODES(winnow_add_codes_u8, uint8_t)
ADD_CODES(winnow_add_codes_s8, int8_t)

static inline float same(float x, float alpha) { return x; }
static inline float rectified(float x, float alpha) { return x < 0 ? 0 : x; }
static inline float hard_swish(float x, float alpha) { return x * clamped(x * (1.0f / 6) + 0.5f, 0, 1); }
static inline float swish(float x, float alpha) { return x / (1 + winnow_exponential(-alpha * x)); }

#define FUNCTIONS_OF_CODES(suffix, type, function)                                                                        \
    FOR_EACH_PROCESSOR void winnow_add_##suffix(                                                                          \
        const type *restrict x, float *restrict sums, size_t n, const struct winnow_gating *gating) {                     \
        const struct winnow_gating g = *gating;                                                                           \
        for (size_t i = 0; i < n; i++)                                                                                    \
            sums[i] += function(((float)x[i] - g.source_zero) * g.source_scale, g.alpha);                                 \
    }                                                                                                                     \
    FOR_EACH_PROCESSOR void winnow_gate_##suffix(                                                                         \
        const type *restrict x, const float *restrict gate, uint8_t *restrict y, size_t n,                                \
        const struct winnow_gating *gating) {                                                                             \
        const struct winnow_gating g = *gating;                                                                           \
        const float bottom = g.low - g.zero, top = g.high - g.zero;                                                       \
        for (size_t i = 0; i < n; i++) {                                                                                  \
            const float value = function(((float)x[i] - g.source_zero) * g.source_scale, g.alpha) * gate[i];              \
            y[i] = (uint8_t)(int32_t)(rounded(clamped(value, bottom, top)) + g.zero);                                     \
        }                                                                                                                 \
    }

FUNCTIONS_OF_CODES(same_u8, uint8_t, same)
FUNCTIONS_OF_CODES(same_s8, int8_t, same)
FUNCTIONS_OF_CODES(relu_u8, uint8_t, rectified)
FUNCTIONS_OF_CODES(relu_s8, int8_t, rectified)
FUNCTIONS_OF_CODES(hard_swish_u8, uint8_t, hard_swish)
FUNCTIONS_OF_CODES(hard_swish_s8, int8_t, hard_swish)
FUNCTIONS_OF_CODES(swish_u8, uint8_t, swish)
FUNCTIONS_OF_CODES(swish_s8, int8_t, swish)

#define DEQUANTIZE(name, type)                                                                                           \
    FOR_EACH_PROCESSOR void name(                                                                                                    \
        const type *restrict x, float *restrict y, size_t n, const float *restrict scale, const float *restrict zero,    \
        int step) {                                                                                                      \
        if (step) {                                                                                                      \
            for (size_t i = 0; i < n; i++) y[i] = ((float)x[i] - zero[i]) * scale[i];                                    \
        } else {                                                                                                         \
            const float s = *scale, z = *zero;                                                                           \
            for (size_t i = 0; i < n; i++) y[i] = ((float)x[i] - z) * s;                                                 \
        }                                                                                                                \
    }

DEQUANTIZE(winnow_dequantize_u8, uint8_t)
DEQUANTIZE(winnow_dequantize_s8, int8_t)
DEQUANTIZE(winnow_dequantize_u16, uint16_t)
DEQUANTIZE(winnow_dequantize_s16, int16_t)
DEQUANTIZE(winnow_dequantize_s32, int32_t)

// The output may lie on an input: every element is read before it is written. Products are rounded before they are added.
#define QUANTIZED_ADD(name, left, right)                                                                                 \
    FOR_EACH_PROCESSOR void name(                                                                                                    \
        const left *a, const right *b, uint8_t *y, size_t n, const struct winnow_sum *sum) {                             \
        const struct winnow_sum s = *sum;                                                                                \
        const float bottom = s.low - s.zero, top = s.high - s.zero;                                                      \
        _Pragma("clang loop vectorize(assume_safety)") for (size_t i = 0; i < n; i++) {                                  \
            const float x = ((float)a[i] - s.left_zero) * s.left_scale;                                                  \
            const float z = ((float)b[i] - s.right_zero) * s.right_scale;                                                \
            const float total = x + z;                                                                                   \
            y[i] = (uint8_t)(int32_t)(rounded(clamped(total / s.scale, bottom, top)) + s.zero);                          \
        }                                                                                                                \
    }

QUANTIZED_ADD(winnow_quantized_add_uu, uint8_t, uint8_t)
QUANTIZED_ADD(winnow_quantized_add_us, uint8_t, int8_t)
QUANTIZED_ADD(winnow_quantized_add_su, int8_t, uint8_t)
QUANTIZED_ADD(winnow_quantized_add_ss, int8_t, int8_t)

FOR_EACH_PROCESSOR void winnow_fake_quantize(
    const float *x, float *y, size_t n, const float *restrict scale, const float *restrict zero, int step, float low,
    float high) {
    if (step) {
        for (size_t i = 0; i < n; i++)
            y[i] = rounded(clamped(x[i] / scale[i], low - zero[i], high - zero[i])) * scale[i];
    } else {
        const float s = *scale, bottom = low - *zero, top = high - *zero;
        for (size_t i = 0; i < n; i++) y[i] = rounded(clamped(x[i] / s, bottom, top)) * s;
    }
}

/// What one element gives: its own gradient, and through `share` the scale's.
static inline float passed(float dy, float quotient, float bottom, float top, float *share) {
    const float code = rounded(clamped(quotient, bottom, top));
    // Halves just outside round into the range, so the test is made on rounded values one step further out.
    const float wide = rounded(clamped(quotient, bottom - 1, top + 1));
    const int inside = wide >= bottom && wide <= top;
    *share = dy * (code - (inside ? quotient : 0.0f));
    return inside ? dy : 0.0f;
}

#if defined(__x86_64__) && defined(__linux__)
#include <immintrin.h>

/// 64 look-ups at a time: the table lies in four registers.
__attribute__((target("avx512f,avx512bw,avx512vbmi"))) static size_t look_up_blocks(
    const uint8_t *x, uint8_t *y, size_t n, const uint8_t *table) {
    const __m512i a = _mm512_loadu_si512(table), b = _mm512_loadu_si512(table + 64);
    const __m512i c = _mm512_loadu_si512(table + 128), d = _mm512_loadu_si512(table + 192);
    size_t i = 0;
    for (; i + 64 <= n; i += 64) {
        const __m512i codes = _mm512_loadu_si512(x + i);
        const __m512i low = _mm512_permutex2var_epi8(a, codes, b), high = _mm512_permutex2var_epi8(c, codes, d);
        _mm512_storeu_si512(y + i, _mm512_mask_blend_epi8(_mm512_movepi8_mask(codes), low, high));
    }
    return i;
}
#endif

void winnow_look_up(const uint8_t *x, uint8_t *y, size_t n, const uint8_t *table) {
    size_t i = 0;
#if defined(__x86_64__) && defined(__linux__)
    if (__builtin_cpu_supports("avx512vbmi")) i = look_up_blocks(x, y, n, table);
#endif
    for (; i < n; i++) y[i] = table[x[i]];
}

enum { LANES = 16 };

FOR_EACH_PROCESSOR void winnow_fake_quantize_gradient(
    const float *restrict dy, const float *restrict x, float *restrict dx, double *restrict dscale, size_t n,
    const float *restrict scale, const float *restrict zero, int step, float low, float high) {
    float share;
    if (step) {
        for (size_t i = 0; i < n; i++) {
            const float gradient = passed(dy[i], x[i] / scale[i], low - zero[i], high - zero[i], &share);
            if (dx) dx[i] = gradient;
            dscale[i] += share;
        }
        return;
    }
    const float s = *scale, bottom = low - *zero, top = high - *zero;
    float sums[LANES] = {0};
    size_t i = 0;
    if (dx) {
        for (; i + LANES <= n; i += LANES) {
            for (int lane = 0; lane < LANES; lane++) {
                float part;
                dx[i + lane] = passed(dy[i + lane], x[i + lane] / s, bottom, top, &part);
                sums[lane] += part;
            }
        }
    } else {
        for (; i + LANES <= n; i += LANES) {
            for (int lane = 0; lane < LANES; lane++) {
                float part;
                passed(dy[i + lane], x[i + lane] / s, bottom, top, &part);
                sums[lane] += part;
            }
        }
    }
    double total = 0;
    for (int lane = 0; lane < LANES; lane++) total += sums[lane];
    for (; i < n; i++) {
        const float gradient = passed(dy[i], x[i] / s, bottom, top, &share);
        if (dx) dx[i] = gradient;
        total += share;
    }
    *dscale += total;
}

FOR_EACH_PROCESSOR void winnow_subtract_zero_point(
    int32_t *sums, const int32_t *filter_sums, int32_t value, size_t rows, size_t channels, size_t stride) {
    const uint32_t factor = (uint32_t)value;
    for (size_t row = 0; row < rows; row++, sums += channels * stride) {
        if (stride == 1) {
            _Pragma("clang loop vectorize(assume_safety)") for (size_t i = 0; i < channels; i++)
                sums[i] = (int32_t)((uint32_t)sums[i] - factor * (uint32_t)filter_sums[i]);
            continue;
        }
        for (size_t channel = 0; channel < channels; channel++) {
            const uint32_t share = factor * (uint32_t)filter_sums[channel];
            int32_t *own = sums + channel * stride;
            _Pragma("clang loop vectorize(assume_safety)") for (size_t i = 0; i < stride; i++)
                own[i] = (int32_t)((uint32_t)own[i] - share);
        }
    }
}
