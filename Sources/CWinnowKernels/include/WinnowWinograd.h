#ifndef WINNOWWINOGRAD_H
#define WINNOWWINOGRAD_H
#include <stdint.h>

/// A 3×3 convolution of stride 1 whose results are made in square tiles (Lavin and Gray 2016); channels come last, 16 or more of them.
///
/// (side + 2)² planes hold the data of tiles, (tiles, channels), and their products, (tiles, filters).
struct winnow_winograd {
    /// Results along a side of a tile: 2 or 4.
    int64_t side;
    int64_t channels, filters;
    int64_t source_height, source_width, target_height, target_width;
    int64_t top, left;
    /// Of one image.
    int64_t tile_rows, tile_columns;
    /// Numbers from one plane to the next.
    int64_t data_step, product_step;
};

/// What to do with results before they are stored; pointers may be null.
struct winnow_winograd_end {
    const float *bias, *residual;
    float low, high;
};

/// The filters' planes, (channels, filters), of some of the channels; `filter` is (filters, channels, 3, 3), of the adjoint convolution
/// (channels, filters, 3, 3) with its taps in reverse.
void winnow_winograd_filter(
    int64_t side, const float *filter, int64_t filters, int64_t channels, int64_t is_adjoint, float *planes, int64_t first,
    int64_t last);

/// The data's planes of a range of tiles; tile `start` is the planes' first.
void winnow_winograd_data(
    const struct winnow_winograd *convolution, const float *source, float *planes, int64_t start, int64_t first, int64_t last);

/// The results of a range of tiles from the products' planes.
void winnow_winograd_results(
    const struct winnow_winograd *convolution, const float *planes, const struct winnow_winograd_end *end, float *target, int64_t start,
    int64_t first, int64_t last);

/// The planes, (tiles, filters), that the gradient of the results of a range of tiles gives their products.
void winnow_winograd_gradients(
    const struct winnow_winograd *convolution, const float *gradient, float *planes, int64_t start, int64_t first, int64_t last);

/// The gradient of the filter, (filters, channels, 3, 3), for some of the channels from that of its planes, (channels, filters).
void winnow_winograd_taps(
    int64_t side, const float *planes, int64_t filters, int64_t channels, float *filter, int64_t first, int64_t last);

#endif
