#ifndef WINNOW_ARITHMETIC_H
#define WINNOW_ARITHMETIC_H
#include <stddef.h>
#include <stdint.h>

// Arithmetic over float32, in vectors as wide as the processor has and rounded after each operation. The result may be the memory of an
// operand.

/// |x|
void winnow_absolute(const float *x, float *result, size_t n);
/// -x
void winnow_negate(const float *x, float *result, size_t n);
/// 1 / x
void winnow_reciprocal(const float *x, float *result, size_t n);
/// x²
void winnow_square(const float *x, float *result, size_t n);
/// x, below 0 nothing
void winnow_relu(const float *x, float *result, size_t n);
/// x, below 0 times alpha
void winnow_leaky_relu(const float *x, float *result, size_t n, float alpha);
/// x, at least low and at most high; what is no number stays
void winnow_clip(const float *x, float *result, size_t n, float low, float high);
/// x · scale + offset
void winnow_affine(const float *x, float *result, size_t n, float scale, float offset);
/// x · alpha + beta between 0 and 1
void winnow_hard_sigmoid(const float *x, float *result, size_t n, float alpha, float beta);
/// x · (x / 6 + 1/2 between 0 and 1)
void winnow_hard_swish(const float *x, float *result, size_t n);

/// Two operands, of which one that does not vary stays at its first number.
struct winnow_pair {
    const float *x, *y;
    int64_t x_varies, y_varies;
    size_t count;
};

/// x + y
void winnow_add(const struct winnow_pair *pair, float *result);
/// x - y
void winnow_subtract(const struct winnow_pair *pair, float *result);
/// x · y
void winnow_multiply(const struct winnow_pair *pair, float *result);
/// x / y
void winnow_divide(const struct winnow_pair *pair, float *result);
/// The lesser; what is no number stays
void winnow_minimum(const struct winnow_pair *pair, float *result);
/// The greater; what is no number stays
void winnow_maximum(const struct winnow_pair *pair, float *result);
/// x, below 0 times y
void winnow_parametric_relu(const struct winnow_pair *pair, float *result);
/// x where y > 0, else 0
void winnow_relu_gradient(const struct winnow_pair *pair, float *result);
/// x · y · (1 - y)
void winnow_sigmoid_gradient(const struct winnow_pair *pair, float *result);
/// x · (1 - y²)
void winnow_tanh_gradient(const struct winnow_pair *pair, float *result);
/// (x - y)²
void winnow_squared_difference(const struct winnow_pair *pair, float *result);
#endif
