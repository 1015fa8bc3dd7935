#ifndef WINNOW_ELEMENTARY_H
#define WINNOW_ELEMENTARY_H
#include <stddef.h>

// Elementary functions over float32, in vectors as wide as the processor has. x and y may be the same memory.
// Errors stay below 3 units in the last place.

void winnow_exp(const float *x, float *y, size_t n);
void winnow_log(const float *x, float *y, size_t n);
void winnow_tanh(const float *x, float *y, size_t n);
void winnow_erf(const float *x, float *y, size_t n);
void winnow_sigmoid(const float *x, float *y, size_t n);
/// log(1 + e^x)
void winnow_softplus(const float *x, float *y, size_t n);
/// x tanh(log(1 + e^x))
void winnow_mish(const float *x, float *y, size_t n);
/// x / (1 + e^(-alpha x))
void winnow_swish(const float *x, float *y, size_t n, float alpha);
/// gamma (x < 0 ? alpha (e^(scale x) - 1) : x)
void winnow_elu(const float *x, float *y, size_t n, float alpha, float gamma, float scale);
/// x/2 (1 + erf(x / sqrt(2)))
void winnow_gelu(const float *x, float *y, size_t n);
/// x/2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))
void winnow_gelu_tanh(const float *x, float *y, size_t n);

// Gradients from dy and x, for y = f(x); the result may be the memory of an operand.

void winnow_gelu_gradient(const float *dy, const float *x, float *dx, size_t n);
void winnow_gelu_tanh_gradient(const float *dy, const float *x, float *dx, size_t n);
void winnow_swish_gradient(const float *dy, const float *x, float *dx, size_t n, float alpha);

#endif
