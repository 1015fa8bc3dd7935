#include "WinnowCodedProduct.h"
#include "Vectors.h"
#include <math.h>
#include <string.h>
#include "EachProcessor.h"
#if defined(__x86_64__) && defined(__linux__)
#include <immintrin.h>
#endif

enum { PANEL = 16 };

static inline size_t panel_bytes(const struct winnow_coded_matrix *w) {
    return w->blocks * w->chunks * w->chunk * PANEL * (size_t)w->bits / 8;
}

// MARK: Rows of data

/// Three digits reach 127 · (65536 + 256 + 1); a little less, for what is largest may be rounded up.
static const float largest = 8355000;

FOR_EACH_PROCESSOR static float magnitude(const float *restrict x, size_t n, int *finite) {
    float top = 0, check = 0;
    {
        _Pragma("clang fp reassociate(on)") for (size_t i = 0; i < n; i++) check += x[i] * 0;
    }
    for (size_t i = 0; i < n; i++) {
        const float value = fabsf(x[i]);
        top = top > value ? top : value;
    }
    *finite &= check == 0;
    return top;
}

FOR_EACH_PROCESSOR static void one_plane(const float *restrict x, int8_t *restrict y, size_t n, float factor, int32_t *sum) {
    int32_t total = 0;
    for (size_t i = 0; i < n; i++) {
        const float scaled = x[i] * factor;
        const int32_t digit = (int32_t)((scaled + 12582912.0f) - 12582912.0f);
        y[i] = (int8_t)digit;
        total += digit;
    }
    *sum = total;
}

FOR_EACH_PROCESSOR static void three_planes(
    const float *restrict x, int8_t *restrict high, int8_t *restrict middle, int8_t *restrict low, size_t n, float factor,
    int32_t *sums) {
    int32_t a = 0, b = 0, c = 0;
    for (size_t i = 0; i < n; i++) {
        const float scaled = x[i] * factor;
        const int32_t whole = (int32_t)(scaled + (scaled < 0 ? -0.5f : 0.5f));
        const int32_t l = (int8_t)whole, rest = (whole - l) >> 8, m = (int8_t)rest, h = (rest - m) >> 8;
        high[i] = (int8_t)h;
        middle[i] = (int8_t)m;
        low[i] = (int8_t)l;
        a += h;
        b += m;
        c += l;
    }
    sums[0] = a;
    sums[1] = b;
    sums[2] = c;
}

int winnow_split_digits(
    const float *x, size_t depth, size_t block, size_t chunks, size_t chunk, int bits, int planes, int8_t *digits, float *steps,
    float *totals, int32_t *starts) {
    const int32_t half = 1 << (bits - 1);
    int finite = 1;
    memset(digits, 0, (depth + block - 1) / block * chunks * chunk * (size_t)planes);
    for (size_t start = 0; start < depth; start += block) {
        const size_t end = start + block < depth ? start + block : depth;
        for (size_t part = 0; part < chunks; part++) {
            const size_t from = start + part * chunk < end ? start + part * chunk : end;
            const size_t count = end - from < chunk ? end - from : chunk;
            float top = magnitude(x + from, count, &finite);
            top = top > 1e-30f ? top : 1e-30f;
            const float range = planes == 1 ? 127 : largest;
            int32_t sums[3] = {0, 0, 0};
            if (finite) {
                if (planes == 1) one_plane(x + from, digits, count, range / top, sums);
                else three_planes(x + from, digits, digits + chunk, digits + 2 * chunk, count, range / top, sums);
            }
            *steps++ = top / range;
            *totals++ = planes == 1 ? (float)sums[0] : (float)sums[0] * 65536 + (float)(sums[1] * 256 + sums[2]);
            for (int plane = 0; plane < planes; plane++) *starts++ = -half * sums[plane];
            digits += (size_t)planes * chunk;
        }
    }
    return finite;
}

void winnow_pad_blocks(const float *x, float *y, size_t depth, size_t block, size_t padded) {
    for (size_t start = 0; start < depth; start += block, y += padded) {
        const size_t count = depth - start < block ? depth - start : block;
        memcpy(y, x + start, count * sizeof *x);
        memset(y + count, 0, (padded - count) * sizeof *x);
    }
}

// MARK: Floats

/// Rows that share what is decoded.
enum { TOGETHER = 4 };

/// Numbers of four neighbouring rows: in the bits from `shift` on of each byte.
#define NUMBERS(word, j) (((word) >> (shift + 8 * (j))) & mask)

INLINE void put(float *y, floats sum, const float *bias, size_t count) {
    float values[PANEL];
    store(sum, values);
    for (size_t i = 0; i < count; i++) y[i] = values[i] + (bias ? bias[i] : 0);
}

INLINE floats converted(integers x) { return __builtin_convertvector(x, floats); }

INLINE floats looked_up(integers x, const float *table) {
    floats result;
    for (int lane = 0; lane < PANEL; lane++) result[lane] = table[x[lane]];
    return result;
}

INLINE floats zeros_of(const struct winnow_coded_matrix *w, size_t place) {
    if (w->zeros) return loaded(w->zeros + place);
    floats result;
    for (int lane = 0; lane < PANEL; lane++) result[lane] = w->small_zeros[place + (size_t)lane];
    return result;
}

INLINE void multiply_floats(
    const struct winnow_coded_matrix *w, const float *x, size_t rows, const float *bias, float *y, size_t first, size_t last,
    int looks_up) {
    const size_t chunk = w->chunk, width = w->blocks * w->chunks * chunk;
    const int bits = w->bits;
    const int32_t mask = (1 << bits) - 1;
    const floats half = (floats)(looks_up ? 0 : (float)(1 << (bits - 1)));
    for (size_t panel = first; panel < last; panel++) {
        const size_t column = panel * PANEL, count = w->columns - column < PANEL ? w->columns - column : PANEL;
        for (size_t row = 0; row < rows; row += TOGETHER) {
            const size_t together = rows - row < TOGETHER ? rows - row : TOGETHER;
            // Rows that are not there are the first again.
            const float *data[TOGETHER];
            for (size_t r = 0; r < TOGETHER; r++) data[r] = x + (row + (r < together ? r : 0)) * width;
            const uint8_t *codes = w->codes + panel * panel_bytes(w);
            floats sums[TOGETHER] = {0};
            size_t k = 0;
            for (size_t block = 0; block < w->blocks; block++) {
                const size_t place = (panel * w->blocks + block) * PANEL;
                const floats zero = half + (w->zeros || w->small_zeros ? zeros_of(w, place) : (floats)(0));
                floats parts[TOGETHER] = {0};
                for (size_t unit = 0; unit < w->chunks * chunk * (size_t)bits / 32; unit++, codes += 64) {
                    const integers words = *(const integers *)codes;
                    for (int shift = 0; shift < 8; shift += bits, k += 4) {
                        for (int j = 0; j < 4; j++) {
                            const integers own = NUMBERS(words, j);
                            const floats number = looks_up ? looked_up(own, w->table) : converted(own) - zero;
                            for (size_t r = 0; r < TOGETHER; r++) parts[r] += number * data[r][k + (size_t)j];
                        }
                    }
                }
                const floats scale = w->scales ? loaded(w->scales + place) : (floats)(1);
                for (size_t r = 0; r < TOGETHER; r++) sums[r] += parts[r] * scale;
            }
            for (size_t r = 0; r < together; r++) put(y + (row + r) * w->columns + column, sums[r], bias ? bias + column : 0, count);
        }
    }
}

FOR_EACH_PROCESSOR static void multiply_numbers(
    const struct winnow_coded_matrix *w, const float *x, size_t rows, const float *bias, float *y, size_t first, size_t last) {
    multiply_floats(w, x, rows, bias, y, first, last, 0);
}

FOR_EACH_PROCESSOR static void multiply_table(
    const struct winnow_coded_matrix *w, const float *x, size_t rows, const float *bias, float *y, size_t first, size_t last) {
    multiply_floats(w, x, rows, bias, y, first, last, 1);
}

void winnow_multiply_coded(
    const struct winnow_coded_matrix *w, const float *x, size_t rows, const float *bias, float *y, size_t first, size_t last) {
    if (w->table) multiply_table(w, x, rows, bias, y, first, last);
    else multiply_numbers(w, x, rows, bias, y, first, last);
}

INLINE void decode(
    const struct winnow_coded_matrix *w, size_t depth, size_t block, float *target, size_t stride, size_t first, size_t last,
    int looks_up) {
    const int bits = w->bits;
    const int32_t mask = (1 << bits) - 1;
    const floats half = (floats)(looks_up ? 0 : (float)(1 << (bits - 1)));
    for (size_t panel = first; panel < last; panel++, target += PANEL) {
        const size_t left = w->columns - panel * PANEL, count = left < PANEL ? left : PANEL;
        const uint8_t *codes = w->codes + panel * panel_bytes(w);
        float *row = target;
        for (size_t b = 0; b < w->blocks; b++) {
            const size_t place = (panel * w->blocks + b) * PANEL;
            const floats zero = half + (w->zeros || w->small_zeros ? zeros_of(w, place) : (floats)(0));
            const floats scale = w->scales ? loaded(w->scales + place) : (floats)(1);
            size_t rest = depth - b * block < block ? depth - b * block : block;
            for (size_t unit = 0; unit < w->chunks * w->chunk * (size_t)bits / 32; unit++, codes += 64) {
                const integers words = *(const integers *)codes;
                for (int shift = 0; shift < 8; shift += bits) {
                    for (int j = 0; j < 4 && rest > 0; j++, rest--, row += stride) {
                        const integers own = NUMBERS(words, j);
                        const floats number = (looks_up ? looked_up(own, w->table) : converted(own) - zero) * scale;
                        if (count == PANEL) {
                            store(number, row);
                            continue;
                        }
                        for (size_t lane = 0; lane < count; lane++) row[lane] = number[lane];
                    }
                }
            }
        }
    }
}

FOR_EACH_PROCESSOR static void decode_numbers(
    const struct winnow_coded_matrix *w, size_t depth, size_t block, float *target, size_t stride, size_t first, size_t last) {
    decode(w, depth, block, target, stride, first, last, 0);
}

FOR_EACH_PROCESSOR static void decode_table(
    const struct winnow_coded_matrix *w, size_t depth, size_t block, float *target, size_t stride, size_t first, size_t last) {
    decode(w, depth, block, target, stride, first, last, 1);
}

void winnow_decode_panels(
    const struct winnow_coded_matrix *w, size_t depth, size_t block, float *target, size_t stride, size_t first, size_t last) {
    if (w->table) decode_table(w, depth, block, target, stride, first, last);
    else decode_numbers(w, depth, block, target, stride, first, last);
}

// MARK: Instructions of one processor

#if defined(__x86_64__) && defined(__linux__)
#define WIDE __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512vbmi")))
#define WIDE_INLINE WIDE static inline __attribute__((always_inline))

WIDE_INLINE __m512 wide_zeros(const struct winnow_coded_matrix *w, size_t place) {
    if (w->zeros) return _mm512_loadu_ps(w->zeros + place);
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(w->small_zeros + place))));
}

/// `mr` rows of data by `nr` panels; all but the first five arguments are constants where it is inlined.
WIDE_INLINE void digit_tile(
    const struct winnow_coded_matrix *w, const struct winnow_digits *x, size_t row, size_t panel, const float *bias, float *y,
    const int bits, const int planes, const int mr, const int nr, const int has_zeros) {
    const size_t chunk = w->chunk, parts = w->blocks * w->chunks, stride = panel_bytes(w);
    const size_t length = parts * (size_t)planes * chunk;
    const uint8_t *codes = w->codes + panel * stride;
    const int8_t *digits = x->digits + row * length;
    const float *steps = x->steps + row * parts, *totals = x->totals + row * parts;
    const int32_t *starts = x->starts + row * parts * (size_t)planes;
    const __m512i mask = _mm512_set1_epi8((char)((1 << bits) - 1));
    const __m512 shift = _mm512_set1_ps(256);
    __m512 sums[8][4];
    for (int m = 0; m < mr; m++)
        for (int n = 0; n < nr; n++) sums[m][n] = _mm512_setzero_ps();
    size_t part = 0;
    for (size_t block = 0; block < w->blocks; block++) {
        __m512 scales[4], zeros[4];
        for (int n = 0; n < nr; n++) {
            const size_t place = ((panel + (size_t)n) * w->blocks + block) * PANEL;
            scales[n] = w->scales ? _mm512_loadu_ps(w->scales + place) : _mm512_set1_ps(1);
            if (has_zeros) zeros[n] = wide_zeros(w, place);
        }
        for (size_t c = 0; c < w->chunks; c++, part++) {
            __m512i a[8][4][3];
            for (int m = 0; m < mr; m++)
                for (int p = 0; p < planes; p++) {
                    const __m512i start = _mm512_set1_epi32(starts[((size_t)m * parts + part) * (size_t)planes + (size_t)p]);
                    for (int n = 0; n < nr; n++) a[m][n][p] = start;
                }
            for (size_t k = 0; k < chunk;) {
                __m512i raw[4];
                for (int n = 0; n < nr; n++) raw[n] = _mm512_loadu_si512(codes + (size_t)n * stride);
                codes += 64;
#pragma clang loop unroll(full)
                for (int sub = 0; sub < 8 / bits; sub++, k += 4) {
                    __m512i own[4];
                    for (int n = 0; n < nr; n++)
                        own[n] = bits == 8 ? raw[n] : _mm512_and_si512(sub ? _mm512_srli_epi16(raw[n], (unsigned)(sub * bits)) : raw[n], mask);
                    for (int m = 0; m < mr; m++)
                        for (int p = 0; p < planes; p++) {
                            int32_t four;
                            memcpy(&four, digits + (size_t)m * length + (size_t)p * chunk + k, 4);
                            const __m512i digit = _mm512_set1_epi32(four);
                            for (int n = 0; n < nr; n++) a[m][n][p] = _mm512_dpbusd_epi32(a[m][n][p], own[n], digit);
                        }
                }
            }
            digits += (size_t)planes * chunk;
            for (int m = 0; m < mr; m++) {
                const __m512 step = _mm512_set1_ps(steps[(size_t)m * parts + part]);
                for (int n = 0; n < nr; n++) {
                    __m512 sum;
                    if (planes == 1) sum = _mm512_cvtepi32_ps(a[m][n][0]);
                    else
                        sum = _mm512_fmadd_ps(
                            _mm512_cvtepi32_ps(_mm512_add_epi32(_mm512_slli_epi32(a[m][n][0], 8), a[m][n][1])), shift,
                            _mm512_cvtepi32_ps(a[m][n][2]));
                    if (has_zeros) sum = _mm512_fnmadd_ps(zeros[n], _mm512_set1_ps(totals[(size_t)m * parts + part]), sum);
                    sums[m][n] = _mm512_fmadd_ps(sum, _mm512_mul_ps(scales[n], step), sums[m][n]);
                }
            }
        }
    }
    for (int n = 0; n < nr; n++) {
        const size_t column = (panel + (size_t)n) * PANEL;
        const size_t count = w->columns - column < PANEL ? w->columns - column : PANEL;
        const __mmask16 lanes = (__mmask16)((1u << count) - 1);
        const __m512 added = bias ? _mm512_maskz_loadu_ps(lanes, bias + column) : _mm512_setzero_ps();
        for (int m = 0; m < mr; m++)
            _mm512_mask_storeu_ps(y + (row + (size_t)m) * w->columns + column, lanes, _mm512_add_ps(sums[m][n], added));
    }
}

#define ROWS_OF_TILES(mr, nr)                                                                                              \
    for (; row + mr <= rows; row += mr) digit_tile(w, x, row, panel, bias, y, bits, planes, mr, nr, has_zeros);

WIDE_INLINE void digit_tiles(
    const struct winnow_coded_matrix *w, const struct winnow_digits *x, size_t rows, const float *bias, float *y, size_t first,
    size_t last, const int bits, const int planes, const int has_zeros) {
    size_t panel = first;
    for (; panel + 2 <= last; panel += 2) {
        size_t row = 0;
        if (planes == 1) {
            ROWS_OF_TILES(8, 2)
            ROWS_OF_TILES(4, 2)
        }
        ROWS_OF_TILES(2, 2)
        ROWS_OF_TILES(1, 2)
    }
    for (; panel < last; panel++) {
        size_t row = 0;
        ROWS_OF_TILES(4, 1)
        ROWS_OF_TILES(1, 1)
    }
}

#define FOR_BITS(bits, planes, has_zeros)                                                                                  \
    WIDE static void digits_##bits##_##planes##_##has_zeros(                                                               \
        const struct winnow_coded_matrix *w, const struct winnow_digits *x, size_t rows, const float *bias, float *y,      \
        size_t first, size_t last) {                                                                                       \
        digit_tiles(w, x, rows, bias, y, first, last, bits, planes, has_zeros);                                            \
    }
FOR_BITS(2, 1, 0)
FOR_BITS(2, 3, 0)
FOR_BITS(4, 1, 0)
FOR_BITS(4, 3, 0)
FOR_BITS(8, 1, 0)
FOR_BITS(8, 3, 0)
FOR_BITS(2, 1, 1)
FOR_BITS(2, 3, 1)
FOR_BITS(4, 1, 1)
FOR_BITS(4, 3, 1)
FOR_BITS(8, 1, 1)
FOR_BITS(8, 3, 1)

int winnow_has_digit_products(void) {
    return __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")
        && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vbmi");
}

void winnow_multiply_digits(
    const struct winnow_coded_matrix *w, const struct winnow_digits *x, size_t rows, const float *bias, float *y, size_t first,
    size_t last) {
    typedef void (*multiply)(
        const struct winnow_coded_matrix *, const struct winnow_digits *, size_t, const float *, float *, size_t, size_t);
    static const multiply all[3][2][2] = {
        {{digits_2_1_0, digits_2_1_1}, {digits_2_3_0, digits_2_3_1}},
        {{digits_4_1_0, digits_4_1_1}, {digits_4_3_0, digits_4_3_1}},
        {{digits_8_1_0, digits_8_1_1}, {digits_8_3_0, digits_8_3_1}},
    };
    all[w->bits / 4][x->planes == 3][w->zeros || w->small_zeros](w, x, rows, bias, y, first, last);
}

#else
int winnow_has_digit_products(void) { return 0; }

void winnow_multiply_digits(
    const struct winnow_coded_matrix *w, const struct winnow_digits *x, size_t rows, const float *bias, float *y, size_t first,
    size_t last) {}
#endif
