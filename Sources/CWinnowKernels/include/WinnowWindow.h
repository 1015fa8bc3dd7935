#ifndef WINNOWWINDOW_H
#define WINNOWWINDOW_H
#include <stdint.h>

/// A window that slides over an image; extents and steps in (depth, height, width) order.
struct winnow_window {
    int64_t source[3], target[3], window[3], stride[3], dilation[3], pad[3];
};

#endif
