#include "WinnowCodedProduct.h"
#include <string.h>
#if defined(__x86_64__) && defined(__linux__)
#include <immintrin.h>

enum { PANEL = 16, TILE = 8 };

#define WIDE __attribute__((target("avx512f,avx512dq")))
#define WIDE_INLINE WIDE static inline __attribute__((always_inline))

size_t winnow_rows_of_tiles(size_t rows, int bits, int has_table) {
    if (!rows || !__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512dq") || (bits == 8 && has_table)) return 0;
    const size_t tiles = (rows + TILE - 1) / TILE, even = ((rows + tiles - 1) / tiles + 1) / 2 * 2;
    return rows == 1 ? 1 : even < 4 ? 4 : even;
}

void winnow_interleave_rows(
    const float *x, float *y, size_t rows, size_t tile, size_t depth, size_t block, size_t padded) {
    for (size_t start = 0; start < depth; start += block, y += padded * tile) {
        const size_t count = depth - start < block ? depth - start : block;
        for (size_t k = 0; k < count; k++)
            for (size_t row = 0; row < tile; row++) y[k * tile + row] = row < rows ? x[row * depth + start + k] : 0;
        memset(y + count * tile, 0, (padded - count) * tile * sizeof *y);
    }
}

/// How codes become numbers: they are looked up; and multiplied by a scale; and moved by a zero.
enum { ALONE, SCALED, MOVED };

/// `mr` interleaved rows by up to `nr` panels; the last four arguments are constants where it is inlined.
WIDE_INLINE void rows_by_panels(
    const struct winnow_coded_matrix *w, const float *x, size_t rows, size_t panel, size_t panels, const float *bias, float *y,
    const int bits, const int mr, const int nr, const int kind) {
    const size_t units = w->chunks * w->chunk * (size_t)bits / 32;
    // Panels that are missing are the last one again.
    size_t own[4];
    const uint8_t *codes[4];
    for (int n = 0; n < nr; n++) {
        own[n] = panel + ((size_t)n < panels ? (size_t)n : panels - 1);
        codes[n] = w->codes + own[n] * w->blocks * units * 64;
    }
    // A code of four bits or two chooses among 16 numbers; bits above it are not looked at.
    float entries[16];
    for (int code = 0; bits < 8 && code < 16; code++) {
        const int low = code & ((1 << bits) - 1);
        entries[code] = w->table ? w->table[low] : (float)(low - (1 << (bits - 1)));
    }
    const __m512 table = bits < 8 ? _mm512_loadu_ps(entries) : _mm512_setzero_ps();
    const __m512i mask = _mm512_set1_epi32(255);
    __m512 sums[TILE][4];
    for (int m = 0; m < mr; m++)
        for (int n = 0; n < nr; n++) sums[m][n] = _mm512_setzero_ps();
    for (size_t block = 0; block < w->blocks; block++) {
        __m512 scales[4], moves[4];
        for (int n = 0; n < nr; n++) {
            const size_t place = (own[n] * w->blocks + block) * PANEL;
            scales[n] = w->scales ? _mm512_loadu_ps(w->scales + place) : _mm512_set1_ps(1);
            __m512 zero = _mm512_set1_ps(bits < 8 ? 0 : 128);
            if (w->zeros) zero = _mm512_add_ps(zero, _mm512_loadu_ps(w->zeros + place));
            else if (w->small_zeros)
                zero = _mm512_add_ps(
                    zero, _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(w->small_zeros + place)))));
            moves[n] = _mm512_mul_ps(scales[n], zero);
        }
        for (size_t unit = 0; unit < units; unit++) {
            __m512i words[4];
            for (int n = 0; n < nr; n++) {
                words[n] = _mm512_loadu_si512(codes[n]);
                codes[n] += 64;
            }
#pragma clang loop unroll(full)
            for (int shift = 0; shift < 8; shift += bits) {
#pragma clang loop unroll(full)
                for (int j = 0; j < 4; j++, x += mr) {
                    __m512 numbers[4];
                    for (int n = 0; n < nr; n++) {
                        const __m512i code = _mm512_srli_epi32(words[n], (unsigned)(shift + 8 * j));
                        numbers[n] = bits < 8 ? _mm512_permutexvar_ps(code, table) : _mm512_cvtepi32_ps(_mm512_and_si512(code, mask));
                        if (kind == SCALED) numbers[n] = _mm512_mul_ps(numbers[n], scales[n]);
                        if (kind == MOVED) numbers[n] = _mm512_fmsub_ps(numbers[n], scales[n], moves[n]);
                    }
                    for (int m = 0; m < mr; m++) {
                        const __m512 data = _mm512_set1_ps(x[m]);
                        for (int n = 0; n < nr; n++) sums[m][n] = _mm512_fmadd_ps(numbers[n], data, sums[m][n]);
                    }
                }
            }
        }
    }
#pragma clang loop unroll(full)
    for (int n = 0; n < nr; n++) {
        const size_t column = own[n] * PANEL, rest = w->columns - column;
        const __mmask16 lanes = (__mmask16)((1u << (rest < PANEL ? rest : PANEL)) - 1);
        const __m512 added = bias ? _mm512_maskz_loadu_ps(lanes, bias + column) : _mm512_setzero_ps();
#pragma clang loop unroll(full)
        for (int m = 0; m < mr; m++)
            if ((size_t)m < rows)
                _mm512_mask_storeu_ps(y + (size_t)m * w->columns + column, lanes, _mm512_add_ps(sums[m][n], added));
    }
}

#define FOR_TILE(bits, mr, nr, kind)                                                                                       \
    WIDE static void tile_##bits##_##mr##_##kind(                                                                          \
        const struct winnow_coded_matrix *w, const float *x, size_t rows, size_t panel, size_t panels, const float *bias,  \
        float *y) {                                                                                                        \
        rows_by_panels(w, x, rows, panel, panels, bias, y, bits, mr, nr, kind);                                            \
    }
#define FOR_TILES(bits, kind)                                                                                              \
    FOR_TILE(bits, 1, 4, kind)                                                                                             \
    FOR_TILE(bits, 4, 2, kind)                                                                                             \
    FOR_TILE(bits, 6, 2, kind)                                                                                             \
    FOR_TILE(bits, 8, 2, kind)
FOR_TILES(2, ALONE)
FOR_TILES(2, SCALED)
FOR_TILES(2, MOVED)
FOR_TILES(4, ALONE)
FOR_TILES(4, SCALED)
FOR_TILES(4, MOVED)
FOR_TILES(8, MOVED)

typedef void (*tile_function)(
    const struct winnow_coded_matrix *, const float *, size_t, size_t, size_t, const float *, float *);

#define ALL_TILES(bits, kind) {tile_##bits##_1_##kind, tile_##bits##_4_##kind, tile_##bits##_6_##kind, tile_##bits##_8_##kind}

void winnow_multiply_interleaved(
    const struct winnow_coded_matrix *w, const float *x, size_t rows, size_t tile, const float *bias, float *y, size_t first,
    size_t last) {
    static const tile_function few[2][3][4] = {
        {ALL_TILES(2, ALONE), ALL_TILES(2, SCALED), ALL_TILES(2, MOVED)},
        {ALL_TILES(4, ALONE), ALL_TILES(4, SCALED), ALL_TILES(4, MOVED)},
    };
    static const tile_function bytes[4] = ALL_TILES(8, MOVED);
    const int kind = w->zeros || w->small_zeros ? MOVED : w->scales ? SCALED : ALONE;
    const size_t size = tile == 1 ? 0 : tile / 2 - 1, width = tile == 1 ? 4 : 2;
    const tile_function multiply = w->bits == 8 ? bytes[size] : few[w->bits / 4][kind][size];
    const size_t padded = w->blocks * w->chunks * w->chunk;
    for (size_t panel = first; panel < last; panel += width)
        for (size_t row = 0; row < rows; row += tile)
            multiply(w, x + row * padded, rows - row, panel, last - panel, bias, y + row * w->columns);
}
#else
size_t winnow_rows_of_tiles(size_t rows, int bits, int has_table) { return 0; }

void winnow_interleave_rows(
    const float *x, float *y, size_t rows, size_t tile, size_t depth, size_t block, size_t padded) {}

void winnow_multiply_interleaved(
    const struct winnow_coded_matrix *w, const float *x, size_t rows, size_t tile, const float *bias, float *y, size_t first,
    size_t last) {}
#endif
