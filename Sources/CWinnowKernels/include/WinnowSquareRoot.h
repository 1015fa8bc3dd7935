#ifndef WINNOW_SQUARE_ROOT_H
#define WINNOW_SQUARE_ROOT_H
#include <stddef.h>

// Loops with square roots: Swift's square root minds errno and so does not vectorize.

/// y = sqrt(x); x and y may be the same memory.
void winnow_square_root(const float *x, float *y, size_t n);

typedef struct {
    float gradient_scale;
    /// Of the weights into the gradient (Adam), and directly (AdamW: 1 - rate * decay).
    float decay, shrink;
    /// 1 - beta1, beta2, 1 - beta2.
    float take1, keep2, take2;
    /// rate / (1 - beta1^t), sqrt(1 - beta2^t).
    float step_size, root_correction;
    float epsilon;
} winnow_adam_constants;

/// One step of Adam on weights w with gradient g, mean m and variance v.
void winnow_adam(const winnow_adam_constants *constants, float *w, const float *g, float *m, float *v, size_t n);
#endif
