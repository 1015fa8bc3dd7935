#ifndef WINNOWPOOLING_H
#define WINNOWPOOLING_H
#include <stdint.h>

/// A 3-D max pooling over one image; extents and steps in (depth, height, width) order.
struct winnow_pooling {
    int64_t source[3], target[3], window[3], stride[3], dilation[3], pad[3];
};

/// Writes the source gradient of `channels` channels that lie innermost; each maximum's first occurrence gets it.
void winnow_max_pooling_gradient(
    const struct winnow_pooling *pooling, int64_t channels, const float *source, const float *target_gradient,
    float *source_gradient);

#endif
