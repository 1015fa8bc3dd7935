#include "WinnowArithmetic.h"
#include "EachProcessor.h"
#pragma STDC FP_CONTRACT OFF

static inline __attribute__((always_inline)) float unit(float x) { return x < 0 ? 0 : x > 1 ? 1 : x; }

#define EACH(n, ...) _Pragma("clang loop vectorize(assume_safety)") for (size_t i = 0; i < n; i++) { __VA_ARGS__ }

#define UNARY(name, parameters, expression)                                                                             \
    FOR_EACH_PROCESSOR void winnow_##name(const float *x, float *result, size_t n parameters) {                         \
        EACH(n, const float a = x[i]; result[i] = (expression);)                                                        \
    }
#define AND(...) , __VA_ARGS__

UNARY(absolute, , __builtin_fabsf(a))
UNARY(negate, , -a)
UNARY(reciprocal, , 1 / a)
UNARY(square, , a * a)
UNARY(relu, , a < 0 ? 0 : a)
UNARY(leaky_relu, AND(float alpha), a < 0 ? alpha * a : a)
UNARY(clip, AND(float low, float high), (a < low ? low : a) > high ? high : (a < low ? low : a))
UNARY(affine, AND(float scale, float offset), a * scale + offset)
UNARY(hard_sigmoid, AND(float alpha, float beta), unit(a * alpha + beta))
UNARY(hard_swish, , a * unit(a * (1.0f / 6) + 0.5f))

#define BINARY(name, expression)                                                                                        \
    FOR_EACH_PROCESSOR void winnow_##name(const struct winnow_pair *pair, float *result) {                              \
        const float *x = pair->x, *y = pair->y;                                                                         \
        const size_t n = pair->count;                                                                                   \
        if (n == 0) return;                                                                                             \
        if (pair->x_varies && pair->y_varies) {                                                                         \
            EACH(n, const float a = x[i]; const float b = y[i]; result[i] = (expression);)                              \
        } else if (pair->x_varies) {                                                                                    \
            const float b = y[0];                                                                                       \
            EACH(n, const float a = x[i]; result[i] = (expression);)                                                    \
        } else if (pair->y_varies) {                                                                                    \
            const float a = x[0];                                                                                       \
            EACH(n, const float b = y[i]; result[i] = (expression);)                                                    \
        } else {                                                                                                        \
            const float a = x[0], b = y[0];                                                                             \
            EACH(n, result[i] = (expression);)                                                                          \
        }                                                                                                               \
    }

BINARY(add, a + b)
BINARY(subtract, a - b)
BINARY(multiply, a * b)
BINARY(divide, a / b)
BINARY(minimum, a < b || a != a ? a : b)
BINARY(maximum, a > b || a != a ? a : b)
BINARY(parametric_relu, a < 0 ? b * a : a)
BINARY(relu_gradient, b > 0 ? a : 0)
BINARY(sigmoid_gradient, a * (b * (1 - b)))
BINARY(tanh_gradient, a * (1 - b * b))
BINARY(squared_difference, (a - b) * (a - b))
