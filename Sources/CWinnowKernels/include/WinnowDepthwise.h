#ifndef WINNOWDEPTHWISE_H
#define WINNOWDEPTHWISE_H
#include "WinnowWindow.h"

/// Adds the filter's gradient over one image to `sums`, (taps, channels); channels lie innermost everywhere.
void winnow_depthwise_filter_gradient(
    const struct winnow_window *convolution, int64_t channels, const float *source, const float *target_gradient, float *sums);

#endif
