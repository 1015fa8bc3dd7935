#ifndef WINNOWCODEDPRODUCT_H
#define WINNOWCODEDPRODUCT_H
#include <stddef.h>
#include <stdint.h>

/// A matrix of `columns` by `depth` codes of 2, 4 or 8 bits that stand for scale · (code − zero) or scale · table[code].
///
/// It lies in panels of 16 columns. A panel is a row of units of 64 bytes: each of its 16 words of 32 bits is of one column and
/// holds, in the lowest bits of its four bytes, the codes of four neighbouring rows, in the bits above the next four, and so on.
/// Scales and zeros lie as panel, block, column. A block is `chunks` times `chunk` rows, where `chunk` is a multiple of 16 up to 128;
/// what a block of the model lacks to it is padded.
struct winnow_coded_matrix {
    const uint8_t *codes;
    /// 1 where null.
    const float *scales;
    /// What zeros are above half the range of codes: null, or one of these.
    const int8_t *small_zeros;
    const float *zeros;
    /// As many numbers as codes there are; null: codes count as numbers.
    const float *table;
    size_t columns, blocks, chunks, chunk;
    int bits;
};

/// Rows of data as whole numbers: x = step · Σ 256^plane · digit, for each chunk of a row.
struct winnow_digits {
    /// Row, chunk, plane (from the highest on), place.
    const int8_t *digits;
    /// Row, chunk.
    const float *steps;
    /// Row, chunk: the sum of the whole numbers.
    const float *totals;
    /// Row, chunk, plane: the sum of the digits, times minus half the range of codes.
    const int32_t *starts;
    int planes;
};

/// Whether the processor multiplies digits with codes in one step.
int winnow_has_digit_products(void);

/// A row of `depth` floats in blocks of `block` as one or three planes of digits; 0 where a float is not finite.
int winnow_split_digits(
    const float *x, size_t depth, size_t block, size_t chunks, size_t chunk, int bits, int planes, int8_t *digits, float *steps,
    float *totals, int32_t *starts);

/// The same row as floats with the padding of the matrix.
void winnow_pad_blocks(const float *x, float *y, size_t depth, size_t block, size_t padded);

/// y = x · matrix + bias for `rows` rows of digits, `columns` floats each, in a range of panels.
void winnow_multiply_digits(
    const struct winnow_coded_matrix *matrix, const struct winnow_digits *x, size_t rows, const float *bias, float *y, size_t first,
    size_t last);

/// The same for padded rows of floats.
void winnow_multiply_coded(
    const struct winnow_coded_matrix *matrix, const float *x, size_t rows, const float *bias, float *y, size_t first, size_t last);

/// How many rows of so many a tile has; 0 where the processor or such codes have no tiles.
size_t winnow_rows_of_tiles(size_t rows, int bits, int has_table);

/// Up to `tile` rows of `depth` floats, `tile` floats of a column after each other, each block padded to `padded` columns.
void winnow_interleave_rows(const float *x, float *y, size_t rows, size_t tile, size_t depth, size_t block, size_t padded);

/// y = x · matrix + bias for rows that are interleaved by tiles, in a range of panels, of which the first is even.
void winnow_multiply_interleaved(
    const struct winnow_coded_matrix *matrix, const float *x, size_t rows, size_t tile, const float *bias, float *y, size_t first,
    size_t last);

/// The numbers of a range of panels: row k of column c of the range is target[k · stride + c]. `depth` and `block` are those of the model;
/// the last panel has as many columns as there are.
void winnow_decode_panels(
    const struct winnow_coded_matrix *matrix, size_t depth, size_t block, float *target, size_t stride, size_t first, size_t last);

#endif
