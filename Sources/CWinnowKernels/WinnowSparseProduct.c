#include "WinnowSparseProduct.h"
#include "Vectors.h"
#include <string.h>
#include "EachProcessor.h"
#if defined(__x86_64__) && defined(__linux__)
#include <immintrin.h>
#endif

/// Outputs that are written together.
enum { GROUP = 16, MOST_VECTORS = 4 };

/// Words of a pixel that are multiplied together: those of a tile are twice what a core's first cache holds. In smaller blocks the ends of
/// loops over few weights, which no processor foresees, cost more than the second cache does.
static size_t words_of_block(int vectors) { return 1024 / (size_t)vectors; }

static size_t words_of_pixel(const struct winnow_sparse_product *p) { return p->filter_height * p->filter_width * p->channels; }

size_t winnow_sparse_blocks(size_t words, int vectors) {
    return words == 0 ? 1 : (words + words_of_block(vectors) - 1) / words_of_block(vectors);
}

#define LOW_WORDS(a, b) __builtin_shufflevector(a, b, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29)
#define HIGH_WORDS(a, b) __builtin_shufflevector(a, b, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31)
#define LOW_PAIRS(a, b) __builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29)
#define HIGH_PAIRS(a, b) __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31)
#define EVEN_QUARTERS(a, b) __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27)
#define ODD_QUARTERS(a, b) __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31)

/// Rows become columns.
INLINE void transpose(integers rows[16]) {
    integers other[16];
    for (int i = 0; i < 16; i += 2) {
        other[i] = LOW_WORDS(rows[i], rows[i + 1]);
        other[i + 1] = HIGH_WORDS(rows[i], rows[i + 1]);
    }
    for (int i = 0; i < 16; i += 4) {
        rows[i] = LOW_PAIRS(other[i], other[i + 2]);
        rows[i + 1] = HIGH_PAIRS(other[i], other[i + 2]);
        rows[i + 2] = LOW_PAIRS(other[i + 1], other[i + 3]);
        rows[i + 3] = HIGH_PAIRS(other[i + 1], other[i + 3]);
    }
    for (int i = 0; i < 4; i++) {
        other[i] = EVEN_QUARTERS(rows[i], rows[i + 4]);
        other[i + 4] = ODD_QUARTERS(rows[i], rows[i + 4]);
        other[i + 8] = EVEN_QUARTERS(rows[i + 8], rows[i + 12]);
        other[i + 12] = ODD_QUARTERS(rows[i + 8], rows[i + 12]);
    }
    for (int i = 0; i < 4; i++) {
        rows[i] = EVEN_QUARTERS(other[i], other[i + 8]);
        rows[i + 8] = ODD_QUARTERS(other[i], other[i + 8]);
        rows[i + 4] = EVEN_QUARTERS(other[i + 4], other[i + 12]);
        rows[i + 12] = ODD_QUARTERS(other[i + 4], other[i + 12]);
    }
}

/// Of 16 words those that count; the others are any. Words up to `end` may be read.
INLINE integers first_words(const int32_t *x, size_t count, const int32_t *end) {
    if (count >= 16 || end - x >= 16) return *(const integers *)x;
    int32_t words[16] = {0};
    for (size_t i = 0; i < count; i++) words[i] = x[i];
    return *(const integers *)words;
}

/// How far apart 16 pixels are; 0 where they are not evenly spaced.
static size_t spacing(const int32_t *const pixels[16]) {
    const ptrdiff_t step = pixels[1] - pixels[0];
    if (!pixels[0] || step <= 0) return 0;
    for (int i = 1; i < 16; i++)
        if (pixels[i] != pixels[0] + i * step) return 0;
    return (size_t)step;
}

/// The words of 16 pixels that are so far apart, word by word; gives how many: fewer where words up to `end` alone may be read.
INLINE size_t fill_evenly(const int32_t *x, size_t step, size_t words, const int32_t *end, int32_t flipped, int32_t *to, size_t width) {
    size_t word = 0;
    for (; word < words && end - x >= (ptrdiff_t)(15 * step + 16); word += 16) {
        integers rows[16];
#pragma clang loop unroll(full)
        for (size_t i = 0; i < 16; i++) rows[i] = *(const integers *)(x + i * step) ^ (integers)flipped;
        x += 16;
        transpose(rows);
        if (word + 16 > words) {
            for (size_t i = 0; i < words - word; i++, to += width) *(integers *)to = rows[i];
            return words;
        }
#pragma clang loop unroll(full)
        for (size_t i = 0; i < 16; i++, to += width) *(integers *)to = rows[i];
    }
    return word;
}

/// What the first `used` times 16 pixels of a tile read, with the bits of `flipped` turned. Pixels behind the last and those of the padding
/// are `padding` throughout.
INLINE void fill(
    const struct winnow_sparse_product *p, const int32_t *x, int32_t padding, int32_t flipped, size_t tile, int32_t *to, int used) {
    const size_t width = GROUP * (size_t)p->vectors, channels = p->channels, plane = p->target_height * p->target_width;
    const int isFlat = p->filter_height * p->filter_width == 1 && p->row_stride == 1 && p->column_stride == 1 && !p->top && !p->left
        && p->target_height == p->source_height && p->target_width == p->source_width;
    const int32_t *end = x + p->images * p->source_height * p->source_width * channels;
    for (size_t first = 0; first < GROUP * (size_t)used; first += 16) {
        size_t image[16], row[16], column[16];
        const size_t begin = tile * width + first;
        const size_t there = begin >= plane * p->images ? 0 : plane * p->images - begin < 16 ? plane * p->images - begin : 16;
        if (!isFlat) {
            for (size_t i = 0; i < there; i++) {
                image[i] = (begin + i) / plane;
                row[i] = (begin + i) % plane / p->target_width;
                column[i] = (begin + i) % p->target_width;
            }
        }
        int32_t *target = to + first;
        if (isFlat && there == 16 && fill_evenly(x + begin * channels, channels, channels, end, flipped, target, width) == channels)
            continue;
        for (size_t tap_row = 0; tap_row < p->filter_height; tap_row++) {
            for (size_t tap = 0; tap < p->filter_width; tap++) {
                const int32_t *pixels[16];
                for (size_t i = 0; i < 16; i++) {
                    pixels[i] = 0;
                    if (i >= there) continue;
                    if (isFlat) {
                        pixels[i] = x + (begin + i) * channels;
                        continue;
                    }
                    const ptrdiff_t v = (ptrdiff_t)(row[i] * p->row_stride + tap_row * p->row_dilation) - p->top;
                    const ptrdiff_t h = (ptrdiff_t)(column[i] * p->column_stride + tap * p->column_dilation) - p->left;
                    if (v >= 0 && v < (ptrdiff_t)p->source_height && h >= 0 && h < (ptrdiff_t)p->source_width)
                        pixels[i] = x + ((image[i] * p->source_height + (size_t)v) * p->source_width + (size_t)h) * channels;
                }
                const size_t step = spacing(pixels);
                size_t channel = step ? fill_evenly(pixels[0], step, channels, end, flipped, target, width) : 0;
                target += channel * width;
                for (; channel < channels; channel += 16) {
                    const size_t count = channels - channel < 16 ? channels - channel : 16;
                    integers rows[16];
                    for (int i = 0; i < 16; i++)
                        rows[i] = (pixels[i] ? first_words(pixels[i] + channel, count, end) : (integers)padding) ^ (integers)flipped;
                    transpose(rows);
                    for (size_t i = 0; i < count; i++, target += width) *(integers *)target = rows[i];
                }
            }
        }
    }
}

/// Not inlined, so that it takes no registers from the loops over weights.
FOR_EACH_PROCESSOR void winnow_fill_sparse_tile(
    const struct winnow_sparse_product *p, const int32_t *x, int32_t padding, int32_t flipped, size_t tile, int32_t *to, int used) {
    fill(p, x, padding, flipped, tile, to, used);
}

/// A weight for all pixels, and where what it is multiplied by begins. Read as one number: a broadcast from memory would be one more load.
INLINE floats weight_of(const struct winnow_nonzero *e, const char *tile, const float **from) {
    uint64_t both;
    memcpy(&both, e, sizeof both);
    *from = (const float *)(tile + (uint32_t)both);
    return (floats)(integers)(int32_t)(both >> 32);
}

/// Weights that soon follow come from memory: what is read of tiles in between hides from processors that they lie in a row.
INLINE void expect_after(const struct winnow_nonzero *e) {
    for (int line = 0; line < 4; line++) __builtin_prefetch(e + 256 + 8 * line);
}

/// Adds what weights make of the pixels of a tile; nothing but zeros adds nothing.
INLINE void sum_up(const char *tile, const struct winnow_nonzero *e, const struct winnow_nonzero *end, floats *sums, const int used) {
    floats others[MOST_VECTORS] = {0};
    expect_after(e);
    for (; e + 2 <= end; e += 2) {
        const float *a, *b;
        const floats x = weight_of(e, tile, &a), z = weight_of(e + 1, tile, &b);
        for (int v = 0; v < used; v++) {
            sums[v] += x * loaded(a + 16 * v);
            others[v] += z * loaded(b + 16 * v);
        }
    }
    if (e < end) {
        const float *a;
        const floats x = weight_of(e, tile, &a);
        for (int v = 0; v < used; v++) sums[v] += x * loaded(a + 16 * v);
    }
    for (int v = 0; v < used; v++) sums[v] += others[v];
}

/// A tile of which only the first `used` times 16 pixels count; the last two arguments are constants where it is inlined.
INLINE void multiply_tile(
    const struct winnow_sparse_product *p, const float *x, const float *bias, float low, float high, float *y, float *tile, size_t t,
    size_t first_group, size_t last_group, const int vectors, const int used) {
#pragma clang fp contract(fast)
    const size_t width = GROUP * (size_t)vectors, outputs = p->outputs, pixels = p->images * p->target_height * p->target_width;
    const size_t words = words_of_pixel(p), blocks = winnow_sparse_blocks(words, vectors);
    float *results = tile + words * width, *partial = results + GROUP * width;
    const floats least = (floats)low, most = (floats)high;
    const size_t begin = first_group * GROUP, end = last_group * GROUP < outputs ? last_group * GROUP : outputs;
    winnow_fill_sparse_tile(p, (const int32_t *)x, 0, 0, t, (int32_t *)tile, used);
    for (size_t block = 0; block + 1 < blocks; block++) {
        const uint32_t *starts = p->starts + block * outputs;
        for (size_t o = begin; o < end; o++) {
            float *own = partial + (o - begin) * width;
            floats sums[MOST_VECTORS];
            for (int v = 0; v < used; v++) sums[v] = block ? loaded(own + 16 * v) : (floats)(bias ? bias[o] : 0);
            sum_up((const char *)tile, p->entries + starts[o], p->entries + starts[o + 1], sums, used);
            for (int v = 0; v < used; v++) store(sums[v], own + 16 * v);
        }
    }
    const uint32_t *starts = p->starts + (blocks - 1) * outputs;
    for (size_t output = begin; output < end; output += GROUP) {
        const size_t count = end - output < GROUP ? end - output : GROUP;
        for (size_t o = 0; o < count; o++) {
            const float *own = partial + (output + o - begin) * width;
            floats sums[MOST_VECTORS];
            for (int v = 0; v < used; v++) sums[v] = blocks > 1 ? loaded(own + 16 * v) : (floats)(bias ? bias[output + o] : 0);
            sum_up((const char *)tile, p->entries + starts[output + o], p->entries + starts[output + o + 1], sums, used);
            for (int v = 0; v < used; v++) {
                floats value = sums[v];
                // What is no number stays so.
                value = value < least ? least : value;
                value = value > most ? most : value;
                store(value, results + o * width + 16 * (size_t)v);
            }
        }
        for (int v = 0; v < used; v++) {
            const size_t pixel = t * width + 16 * (size_t)v;
            integers rows[16];
            for (int i = 0; i < 16; i++) rows[i] = *(const integers *)(results + (size_t)i * width + 16 * (size_t)v);
            transpose(rows);
            float *to = y + pixel * outputs + output;
            if (count == GROUP && pixel + 16 <= pixels) {
#pragma clang loop unroll(full)
                for (int i = 0; i < 16; i++, to += outputs) *(integers *)to = rows[i];
                continue;
            }
            for (size_t i = 0; i < 16 && pixel + i < pixels; i++, to += outputs) memcpy(to, &rows[i], count * sizeof *to);
        }
    }
}

/// Vectors of a tile that hold pixels.
static inline int used_vectors(const struct winnow_sparse_product *p, size_t tile) {
    const size_t pixels = p->images * p->target_height * p->target_width - tile * GROUP * (size_t)p->vectors;
    const size_t used = (pixels + GROUP - 1) / GROUP;
    return used < (size_t)p->vectors ? (int)used : p->vectors;
}

/// Calls a function with how many vectors tiles have and this one uses, both as constants.
#define FOR_USED(multiply, ...)                                                                                            \
    switch (p->vectors << 4 | used_vectors(p, t)) {                                                                        \
    case 0x11: multiply(__VA_ARGS__, 1, 1); break;                                                                         \
    case 0x21: multiply(__VA_ARGS__, 2, 1); break;                                                                         \
    case 0x22: multiply(__VA_ARGS__, 2, 2); break;                                                                         \
    case 0x41: multiply(__VA_ARGS__, 4, 1); break;                                                                         \
    case 0x42: multiply(__VA_ARGS__, 4, 2); break;                                                                         \
    case 0x43: multiply(__VA_ARGS__, 4, 3); break;                                                                         \
    default: multiply(__VA_ARGS__, 4, 4);                                                                                  \
    }

FOR_EACH_PROCESSOR void winnow_multiply_sparse(
    const struct winnow_sparse_product *p, const float *x, const float *bias, float low, float high, float *y, float *tile,
    size_t first_tile, size_t last_tile, size_t first_group, size_t last_group) {
    for (size_t t = first_tile; t < last_tile; t++) {
        FOR_USED(multiply_tile, p, x, bias, low, high, y, tile, t, first_group, last_group)
    }
}

// MARK: Codes

#if defined(__x86_64__) && defined(__linux__)
#define WIDE __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")))

/// The sums of one output for all pixels of a tile as codes before they are cut to bytes.
WIDE static inline __attribute__((always_inline)) void sum_codes(
    const struct winnow_sparse_product *p, const struct winnow_requantization *q, const uint8_t *tile, size_t output, __m512i *codes,
    const int used) {
    const struct winnow_nonzero *e = p->entries + p->starts[output], *end = p->entries + p->starts[output + 1];
    __m512i sums[MOST_VECTORS], others[MOST_VECTORS];
    for (int v = 0; v < used; v++) sums[v] = others[v] = _mm512_setzero_si512();
    expect_after(e);
    for (; e + 2 <= end; e += 2) {
        uint64_t first, second;
        memcpy(&first, e, 8);
        memcpy(&second, e + 1, 8);
        const __m512i c = _mm512_set1_epi32((int32_t)(first >> 32)), d = _mm512_set1_epi32((int32_t)(second >> 32));
        const uint8_t *from = tile + (uint32_t)first, *next = tile + (uint32_t)second;
        for (int v = 0; v < used; v++) {
            sums[v] = _mm512_dpbusd_epi32(sums[v], _mm512_loadu_si512(from + 64 * v), c);
            others[v] = _mm512_dpbusd_epi32(others[v], _mm512_loadu_si512(next + 64 * v), d);
        }
    }
    if (e < end) {
        int32_t a;
        memcpy(&a, e->value.codes, 4);
        for (int v = 0; v < used; v++)
            sums[v] = _mm512_dpbusd_epi32(sums[v], _mm512_loadu_si512(tile + e->place + 64 * v), _mm512_set1_epi32(a));
    }
    const __m512 scale = _mm512_set1_ps(q->scales[output]), bias = _mm512_set1_ps(q->biases[output]);
    const __m512 low = _mm512_set1_ps(q->low), high = _mm512_set1_ps(q->high);
    for (int v = 0; v < used; v++) {
        const __m512 real = _mm512_fmadd_ps(_mm512_cvtepi32_ps(_mm512_add_epi32(sums[v], others[v])), scale, bias);
        const __m512i code = _mm512_cvtps_epi32(_mm512_min_ps(_mm512_max_ps(real, low), high));
        codes[v] = _mm512_add_epi32(code, _mm512_set1_epi32(q->zero));
    }
}

/// A quarter of each of four vectors; a macro, as which is a part of the instruction.
#define write_quarters(parts, quarter, y, step)                                                                            \
    for (int i = 0; i < 4; i++) _mm_storeu_si128((__m128i *)((y) + (size_t)i * (step)), _mm512_extracti32x4_epi32(parts[i], quarter))

WIDE static inline __attribute__((always_inline)) void multiply_codes(
    const struct winnow_sparse_product *p, const uint8_t *x, uint8_t padding, const struct winnow_requantization *q, uint8_t *y,
    uint32_t *tile, size_t t, size_t first_group, size_t last_group, const int vectors, const int used) {
    const size_t width = GROUP * (size_t)vectors, outputs = p->outputs, pixels = p->images * p->target_height * p->target_width;
    const int is_signed = q->low + (float)q->zero < 0;
    // Of each quarter four bytes of four outputs become four of one pixel.
    const __m512i turned = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    winnow_fill_sparse_tile(
        p, (const int32_t *)x, (int32_t)(padding * 0x01010101u), (int32_t)(q->flipped * 0x01010101u), t, (int32_t *)tile, used);
    for (size_t group = first_group; group < last_group; group++) {
        const size_t output = group * GROUP, count = outputs - output < GROUP ? outputs - output : GROUP;
        __m512i words[4][MOST_VECTORS];
        for (size_t four = 0; four < 4; four++) {
            __m512i codes[4][MOST_VECTORS];
            for (size_t o = 0; o < 4; o++) {
                if (4 * four + o < count) sum_codes(p, q, (const uint8_t *)tile, output + 4 * four + o, codes[o], used);
                else for (int v = 0; v < used; v++) codes[o][v] = _mm512_setzero_si512();
            }
            for (int v = 0; v < used; v++) {
                const __m512i a = _mm512_packs_epi32(codes[0][v], codes[1][v]), b = _mm512_packs_epi32(codes[2][v], codes[3][v]);
                const __m512i bytes = is_signed ? _mm512_packs_epi16(a, b) : _mm512_packus_epi16(a, b);
                words[four][v] = _mm512_shuffle_epi8(bytes, turned);
            }
        }
        for (int v = 0; v < used; v++) {
            const size_t begin = t * width + 16 * (size_t)v;
            const __m512i a = _mm512_unpacklo_epi32(words[0][v], words[1][v]), b = _mm512_unpackhi_epi32(words[0][v], words[1][v]);
            const __m512i c = _mm512_unpacklo_epi32(words[2][v], words[3][v]), d = _mm512_unpackhi_epi32(words[2][v], words[3][v]);
            // The 16 bytes of every fourth pixel.
            const __m512i parts[4] = {
                _mm512_unpacklo_epi64(a, c), _mm512_unpackhi_epi64(a, c), _mm512_unpacklo_epi64(b, d), _mm512_unpackhi_epi64(b, d)};
            uint8_t *to = y + begin * outputs + output;
            if (count == GROUP && begin + 16 <= pixels) {
                write_quarters(parts, 0, to, outputs);
                write_quarters(parts, 1, to + 4 * outputs, outputs);
                write_quarters(parts, 2, to + 8 * outputs, outputs);
                write_quarters(parts, 3, to + 12 * outputs, outputs);
                continue;
            }
            uint8_t bytes[4][64];
            for (int i = 0; i < 4; i++) memcpy(bytes[i], &parts[i], 64);
            for (size_t i = 0; i < 16 && begin + i < pixels; i++, to += outputs) memcpy(to, bytes[i % 4] + i / 4 * 16, count);
        }
    }
}

WIDE void winnow_multiply_sparse_codes(
    const struct winnow_sparse_product *p, const uint8_t *x, uint8_t padding, const struct winnow_requantization *q, uint8_t *y,
    uint32_t *tile, size_t first_tile, size_t last_tile, size_t first_group, size_t last_group) {
    for (size_t t = first_tile; t < last_tile; t++) {
        FOR_USED(multiply_codes, p, x, padding, q, y, tile, t, first_group, last_group)
    }
}
#else
void winnow_multiply_sparse_codes(
    const struct winnow_sparse_product *p, const uint8_t *x, uint8_t padding, const struct winnow_requantization *q, uint8_t *y,
    uint32_t *tile, size_t first_tile, size_t last_tile, size_t first_group, size_t last_group) {}
#endif
