#ifndef WINNOWSPARSEPRODUCT_H
#define WINNOWSPARSEPRODUCT_H
#include <stddef.h>
#include <stdint.h>

/// A weight that is not zero: a float, or four neighbouring codes of which one is not, and where what it is multiplied by begins in a
/// tile, in bytes.
struct winnow_nonzero {
    uint32_t place;
    union {
        float number;
        int8_t codes[4];
    } value;
};

/// A convolution, or a matrix product as one of a row of pixels, with filters that are mostly zero; channels come last.
///
/// A tile is so many pixels of the target as 16 · `vectors`; it holds what they read, tap by tap and channel by channel (of codes: four
/// channels by four), all pixels beside each other.
struct winnow_sparse_product {
    /// Those of block b and output o are `starts[b · outputs + o]` to the next of `starts`.
    const struct winnow_nonzero *entries;
    const uint32_t *starts;
    size_t outputs;
    /// Words of 32 bits that a pixel of the source has.
    size_t channels;
    size_t source_height, source_width, target_height, target_width, images;
    size_t filter_height, filter_width;
    size_t row_stride, column_stride, row_dilation, column_dilation;
    ptrdiff_t top, left;
    int vectors;
};

/// How many blocks so many words of a pixel are multiplied in, of as many words each, but the last.
size_t winnow_sparse_blocks(size_t words, int vectors);

/// y = clamp(x * filters + bias) for the tiles and the groups of 16 outputs in two ranges. `tile` is memory, aligned to 64, for the words of
/// a tile's pixels and 16 more of each, and as many as outputs where there are several blocks.
void winnow_multiply_sparse(
    const struct winnow_sparse_product *product, const float *x, const float *bias, float low, float high, float *y, float *tile,
    size_t first_tile, size_t last_tile, size_t first_group, size_t last_group);

/// How sums of products of codes become codes: round(clamp(sum · scale + bias)) + zero, by outputs.
struct winnow_requantization {
    const float *scales, *biases;
    /// Of what is before `zero` is added.
    float low, high;
    int32_t zero;
    /// Turned in each byte of the source: 128 where its codes are signed.
    uint8_t flipped;
};

/// The same for codes; padding has the code `padding`. Only where `winnow_has_digit_products`.
void winnow_multiply_sparse_codes(
    const struct winnow_sparse_product *product, const uint8_t *x, uint8_t padding, const struct winnow_requantization *requantization,
    uint8_t *y, uint32_t *tile, size_t first_tile, size_t last_tile, size_t first_group, size_t last_group);

#endif
