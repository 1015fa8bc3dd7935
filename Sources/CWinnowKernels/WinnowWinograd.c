#include "WinnowWinograd.h"
#include "Vectors.h"
#include "EachProcessor.h"

// Tiles of 4 results are polynomials taken at 0, ±3/4, ±3/2 and ∞: of the points that float32 holds exactly those with the least error, a
// quarter of that of 0, ±1, ±2. Tiles of 2 are taken at 0, ±1 and ∞.
#define A 0.75f
#define B 1.5f
enum { MOST = 6 };

INLINE void data_line(const int side, const floats *d, floats *v) {
    if (side == 4) {
        const floats even_a = d[4] - d[2] * (B * B), odd_a = (d[3] - d[1] * (B * B)) * A;
        const floats even_b = d[4] - d[2] * (A * A), odd_b = (d[3] - d[1] * (A * A)) * B;
        v[0] = d[4] - d[2] * (A * A + B * B) + d[0] * (A * A * B * B);
        v[1] = even_a + odd_a;
        v[2] = even_a - odd_a;
        v[3] = even_b + odd_b;
        v[4] = even_b - odd_b;
        v[5] = d[5] - d[3] * (A * A + B * B) + d[1] * (A * A * B * B);
    } else {
        v[0] = d[2] - d[0];
        v[1] = d[1] + d[2];
        v[2] = d[2] - d[1];
        v[3] = d[3] - d[1];
    }
}

INLINE void result_line(const int side, const floats *m, floats *y) {
    if (side == 4) {
        const floats even_a = m[1] + m[2], odd_a = (m[1] - m[2]) * A, even_b = m[3] + m[4], odd_b = (m[3] - m[4]) * B;
        y[0] = m[0] + even_a + even_b;
        y[1] = odd_a + odd_b;
        y[2] = even_a * (A * A) + even_b * (B * B);
        y[3] = odd_a * (A * A) + odd_b * (B * B) + m[5];
    } else {
        y[0] = m[0] + m[1] + m[2];
        y[1] = m[1] - m[2] + m[3];
    }
}

// What results become where products stand, by the transpose of `result_line`.
INLINE void gradient_line(const int side, const floats *y, floats *m) {
    if (side == 4) {
        const floats even_a = y[0] + y[2] * (A * A), odd_a = (y[1] + y[3] * (A * A)) * A;
        const floats even_b = y[0] + y[2] * (B * B), odd_b = (y[1] + y[3] * (B * B)) * B;
        m[0] = y[0];
        m[1] = even_a + odd_a;
        m[2] = even_a - odd_a;
        m[3] = even_b + odd_b;
        m[4] = even_b - odd_b;
        m[5] = y[3];
    } else {
        m[0] = y[0];
        m[1] = y[0] + y[1];
        m[2] = y[0] - y[1];
        m[3] = y[1];
    }
}

// Of the planes back to the taps, by the transpose of `filter_line`.
INLINE void tap_line(const int side, const floats *u, floats *g) {
    if (side == 4) {
        const float a = 1 / (2 * A * A * (A * A - B * B)), b = 1 / (2 * B * B * (B * B - A * A));
        const floats even_a = (u[1] + u[2]) * a, odd_a = (u[1] - u[2]) * (A * a);
        const floats even_b = (u[3] + u[4]) * b, odd_b = (u[3] - u[4]) * (B * b);
        g[0] = u[0] * (1 / (A * A * B * B)) + even_a + even_b;
        g[1] = odd_a + odd_b;
        g[2] = even_a * (A * A) + even_b * (B * B) + u[5];
    } else {
        const floats even = (u[1] + u[2]) * 0.5f;
        g[0] = even - u[0];
        g[1] = (u[1] - u[2]) * 0.5f;
        g[2] = even + u[3];
    }
}

INLINE void filter_line(const int side, const floats *g, floats *u) {
    if (side == 4) {
        const float a = 1 / (2 * A * A * (A * A - B * B)), b = 1 / (2 * B * B * (B * B - A * A));
        const floats even_a = (g[0] + g[2] * (A * A)) * a, odd_a = g[1] * (A * a);
        const floats even_b = (g[0] + g[2] * (B * B)) * b, odd_b = g[1] * (B * b);
        u[0] = g[0] * (1 / (A * A * B * B));
        u[1] = even_a + odd_a;
        u[2] = even_a - odd_a;
        u[3] = even_b + odd_b;
        u[4] = even_b - odd_b;
        u[5] = g[2];
    } else {
        const floats even = (g[0] + g[2]) * 0.5f, odd = g[1] * 0.5f;
        u[0] = -g[0];
        u[1] = even + odd;
        u[2] = even - odd;
        u[3] = g[2];
    }
}

INLINE void filter_planes(
    const int side, const float *filter, int64_t filters, int64_t channels, int64_t is_adjoint, float *planes, int64_t first,
    int64_t last) {
    const int n = side + 2;
    const int64_t next_filter = is_adjoint ? 9 : 9 * channels, next_channel = is_adjoint ? 9 * filters : 9;
    for (int64_t c = first; c < last; c++) {
        for (int64_t at = 0; at < filters; at += LANES) {
            // The last vector begins earlier.
            const int64_t k = at + LANES <= filters ? at : filters - LANES;
            float taps[9][LANES];
            for (int64_t lane = 0; lane < LANES; lane++) {
                const float *from = filter + (k + lane) * next_filter + c * next_channel;
                for (int i = 0; i < 9; i++) taps[i][lane] = from[is_adjoint ? 8 - i : i];
            }
            floats half[3][MOST], u[MOST];
            for (int j = 0; j < 3; j++) {
                const floats column[3] = {loaded(taps[j]), loaded(taps[3 + j]), loaded(taps[6 + j])};
                filter_line(side, column, half[j]);
            }
            for (int i = 0; i < n; i++) {
                const floats row[3] = {half[0][i], half[1][i], half[2][i]};
                filter_line(side, row, u);
                for (int j = 0; j < n; j++) store(u[j], planes + ((i * n + j) * channels + c) * filters + k);
            }
        }
    }
}

FOR_EACH_PROCESSOR void winnow_winograd_filter(
    int64_t side, const float *filter, int64_t filters, int64_t channels, int64_t is_adjoint, float *planes, int64_t first,
    int64_t last) {
    if (side == 4) filter_planes(4, filter, filters, channels, is_adjoint, planes, first, last);
    else filter_planes(2, filter, filters, channels, is_adjoint, planes, first, last);
}

// Where a tile lies, and what is inside the image of so many rows and columns.
struct place {
    int64_t image, row, column;
    int64_t first_row, last_row, first_column, last_column;
};

INLINE int64_t limited(int64_t value, int64_t low, int64_t high) { return value < low ? low : value > high ? high : value; }

INLINE struct place place_of(
    const struct winnow_winograd *w, int64_t tile, int64_t top, int64_t left, int64_t height, int64_t width, int64_t extent) {
    struct place p;
    p.image = tile / (w->tile_rows * w->tile_columns);
    p.row = tile / w->tile_columns % w->tile_rows * w->side - top;
    p.column = tile % w->tile_columns * w->side - left;
    p.first_row = limited(-p.row, 0, extent);
    p.last_row = limited(height - p.row, 0, extent);
    p.first_column = limited(-p.column, 0, extent);
    p.last_column = limited(width - p.column, 0, extent);
    return p;
}

INLINE void data_of_tile(
    const int side, const int whole, const struct winnow_winograd *w, const struct place *p, const float *source, float *planes) {
    const int n = side + 2;
    const int64_t channels = w->channels, line = w->source_width * channels;
    for (int64_t at = 0; at < channels; at += LANES) {
        // The last vector begins earlier.
        const int64_t c = at + LANES <= channels ? at : channels - LANES;
        floats half[MOST][MOST], v[MOST];
        for (int j = 0; j < n; j++) {
            floats d[MOST], u[MOST];
            for (int i = 0; i < n; i++) {
                const int inside = whole || (i >= p->first_row && i < p->last_row && j >= p->first_column && j < p->last_column);
                d[i] = inside ? loaded(source + i * line + j * channels + c) : (floats){0};
            }
            data_line(side, d, u);
            for (int i = 0; i < n; i++) half[i][j] = u[i];
        }
        for (int i = 0; i < n; i++) {
            data_line(side, half[i], v);
            for (int j = 0; j < n; j++) store(v[j], planes + (i * n + j) * w->data_step + c);
        }
    }
}

INLINE void data_of_tiles(
    const int side, const struct winnow_winograd *w, const float *source, float *planes, int64_t start, int64_t first, int64_t last) {
    const int n = side + 2;
    for (int64_t tile = first; tile < last; tile++) {
        const struct place p = place_of(w, tile, w->top, w->left, w->source_height, w->source_width, n);
        const float *from = source + ((p.image * w->source_height + p.row) * w->source_width + p.column) * w->channels;
        float *to = planes + (tile - start) * w->channels;
        if (p.first_row == 0 && p.last_row == n && p.first_column == 0 && p.last_column == n) data_of_tile(side, 1, w, &p, from, to);
        else data_of_tile(side, 0, w, &p, from, to);
    }
}

FOR_EACH_PROCESSOR void winnow_winograd_data(
    const struct winnow_winograd *w, const float *source, float *planes, int64_t start, int64_t first, int64_t last) {
    if (w->side == 4) data_of_tiles(4, w, source, planes, start, first, last);
    else data_of_tiles(2, w, source, planes, start, first, last);
}

INLINE void results_of_tile(
    const int side, const struct winnow_winograd *w, const struct place *p, const float *planes, const struct winnow_winograd_end *end,
    int64_t place, float *target) {
    const int n = side + 2;
    const int64_t filters = w->filters, line = w->target_width * filters;
    const floats low = (floats){0} + end->low, high = (floats){0} + end->high;
    for (int64_t at = 0; at < filters; at += LANES) {
        const int64_t k = at + LANES <= filters ? at : filters - LANES;
        floats half[MOST][MOST], y[MOST];
        for (int j = 0; j < n; j++) {
            floats m[MOST], u[MOST];
            for (int i = 0; i < n; i++) m[i] = loaded(planes + (i * n + j) * w->product_step + k);
            result_line(side, m, u);
            for (int i = 0; i < side; i++) half[i][j] = u[i];
        }
        const floats bias = end->bias ? loaded(end->bias + k) : (floats){0};
        for (int i = 0; i < side; i++) {
            if (i >= p->last_row) break;
            result_line(side, half[i], y);
            for (int j = 0; j < side; j++) {
                if (j >= p->last_column) break;
                const int64_t offset = place + i * line + j * filters + k;
                floats value = y[j] + bias;
                if (end->residual) value += loaded(end->residual + offset);
                // What is not a number stays so.
                value = value < low ? low : value;
                store(value > high ? high : value, target + offset);
            }
        }
    }
}

INLINE void results_of_tiles(
    const int side, const struct winnow_winograd *w, const float *planes, const struct winnow_winograd_end *end, float *target,
    int64_t start, int64_t first, int64_t last) {
    for (int64_t tile = first; tile < last; tile++) {
        const struct place p = place_of(w, tile, 0, 0, w->target_height, w->target_width, side);
        const int64_t place = ((p.image * w->target_height + p.row) * w->target_width + p.column) * w->filters;
        results_of_tile(side, w, &p, planes + (tile - start) * w->filters, end, place, target);
    }
}

FOR_EACH_PROCESSOR void winnow_winograd_results(
    const struct winnow_winograd *w, const float *planes, const struct winnow_winograd_end *end, float *target, int64_t start,
    int64_t first, int64_t last) {
    if (w->side == 4) results_of_tiles(4, w, planes, end, target, start, first, last);
    else results_of_tiles(2, w, planes, end, target, start, first, last);
}

INLINE void gradients_of_tile(
    const int side, const int whole, const struct winnow_winograd *w, const struct place *p, const float *gradient, float *planes) {
    const int n = side + 2;
    const int64_t filters = w->filters, line = w->target_width * filters;
    for (int64_t at = 0; at < filters; at += LANES) {
        const int64_t k = at + LANES <= filters ? at : filters - LANES;
        floats half[MOST][MOST], m[MOST];
        for (int j = 0; j < side; j++) {
            floats y[MOST], u[MOST];
            for (int i = 0; i < side; i++) {
                const int inside = whole || (i < p->last_row && j < p->last_column);
                y[i] = inside ? loaded(gradient + i * line + j * filters + k) : (floats){0};
            }
            gradient_line(side, y, u);
            for (int i = 0; i < n; i++) half[i][j] = u[i];
        }
        for (int i = 0; i < n; i++) {
            gradient_line(side, half[i], m);
            for (int j = 0; j < n; j++) store(m[j], planes + (i * n + j) * w->product_step + k);
        }
    }
}

INLINE void gradients_of_tiles(
    const int side, const struct winnow_winograd *w, const float *gradient, float *planes, int64_t start, int64_t first, int64_t last) {
    for (int64_t tile = first; tile < last; tile++) {
        const struct place p = place_of(w, tile, 0, 0, w->target_height, w->target_width, side);
        const float *from = gradient + ((p.image * w->target_height + p.row) * w->target_width + p.column) * w->filters;
        float *to = planes + (tile - start) * w->filters;
        if (p.last_row == side && p.last_column == side) gradients_of_tile(side, 1, w, &p, from, to);
        else gradients_of_tile(side, 0, w, &p, from, to);
    }
}

FOR_EACH_PROCESSOR void winnow_winograd_gradients(
    const struct winnow_winograd *w, const float *gradient, float *planes, int64_t start, int64_t first, int64_t last) {
    if (w->side == 4) gradients_of_tiles(4, w, gradient, planes, start, first, last);
    else gradients_of_tiles(2, w, gradient, planes, start, first, last);
}

INLINE void taps_of_planes(
    const int side, const float *planes, int64_t filters, int64_t channels, float *filter, int64_t first, int64_t last) {
    const int n = side + 2;
    for (int64_t c = first; c < last; c++) {
        for (int64_t at = 0; at < filters; at += LANES) {
            const int64_t k = at + LANES <= filters ? at : filters - LANES;
            float taps[9][LANES];
            floats half[3][MOST], g[3];
            for (int j = 0; j < n; j++) {
                floats u[MOST], column[3];
                for (int i = 0; i < n; i++) u[i] = loaded(planes + ((i * n + j) * channels + c) * filters + k);
                tap_line(side, u, column);
                for (int i = 0; i < 3; i++) half[i][j] = column[i];
            }
            for (int i = 0; i < 3; i++) {
                tap_line(side, half[i], g);
                for (int j = 0; j < 3; j++) store(g[j], taps[i * 3 + j]);
            }
            for (int64_t lane = 0; lane < LANES; lane++)
                for (int i = 0; i < 9; i++) filter[((k + lane) * channels + c) * 9 + i] = taps[i][lane];
        }
    }
}

FOR_EACH_PROCESSOR void winnow_winograd_taps(
    int64_t side, const float *planes, int64_t filters, int64_t channels, float *filter, int64_t first, int64_t last) {
    if (side == 4) taps_of_planes(4, planes, filters, channels, filter, first, last);
    else taps_of_planes(2, planes, filters, channels, filter, first, last);
}
