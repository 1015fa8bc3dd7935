#ifndef WINNOWDEPTHWISE_H
#define WINNOWDEPTHWISE_H
#include <stdint.h>

/// A depthwise 3-D convolution over one image; extents and steps in (depth, height, width) order.
struct winnow_depthwise {
    int64_t source[3], target[3], window[3], stride[3], dilation[3], pad[3];
};

/// Adds the filter's gradient over one image to `sums`, (taps, channels); channels lie innermost everywhere.
void winnow_depthwise_filter_gradient(
    const struct winnow_depthwise *convolution, int64_t channels, const float *source, const float *target_gradient, float *sums);

#endif
