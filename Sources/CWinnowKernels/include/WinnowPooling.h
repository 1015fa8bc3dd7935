#ifndef WINNOWPOOLING_H
#define WINNOWPOOLING_H
#include "WinnowWindow.h"

/// Writes the source gradient of `channels` channels that lie innermost; each maximum's first occurrence gets it.
void winnow_max_pooling_gradient(
    const struct winnow_window *pooling, int64_t channels, const float *source, const float *target_gradient,
    float *source_gradient);

#endif
