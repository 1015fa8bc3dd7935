#pragma once
// Row-major LAPACKE under one name, whether the library prefixes its symbols (scipy_openblas) or not (the system's).

#if __has_include(<scipy_openblas/lapacke.h>)
#include <scipy_openblas/lapacke.h>
#define WINNOW_LAPACK(name) scipy_LAPACKE_##name
#define WINNOW_OPENBLAS(name) scipy_openblas_##name
#else
#include <lapacke.h>
#define WINNOW_LAPACK(name) LAPACKE_##name
#define WINNOW_OPENBLAS(name) openblas_##name
#endif

/// Absent when the system's LAPACKE stands on another BLAS.
extern void WINNOW_OPENBLAS(set_num_threads)(int count) __attribute__((weak));

static inline void winnow_setLAPACKThreadCount(int count) {
    if (WINNOW_OPENBLAS(set_num_threads)) WINNOW_OPENBLAS(set_num_threads)(count);
}

#define WINNOW_LAPACK_DECLARE(T, p)                                                                                    \
    /* A = U diag(s) Vt; jobz is 'A', 'S', 'O' or 'N'. */                                                              \
    static inline lapack_int winnow_##p##gesdd(char jobz, lapack_int m, lapack_int n, T *a, lapack_int lda, T *s,      \
                                               T *u, lapack_int ldu, T *vt, lapack_int ldvt) {                         \
        return WINNOW_LAPACK(p##gesdd)(LAPACK_ROW_MAJOR, jobz, m, n, a, lda, s, u, ldu, vt, ldvt);                     \
    }                                                                                                                  \
    /* Cholesky factor of a symmetric positive definite matrix, in place. */                                           \
    static inline lapack_int winnow_##p##potrf(char uplo, lapack_int n, T *a, lapack_int lda) {                        \
        return WINNOW_LAPACK(p##potrf)(LAPACK_ROW_MAJOR, uplo, n, a, lda);                                             \
    }                                                                                                                  \
    /* Solves A X = B from the Cholesky factor of A. */                                                                \
    static inline lapack_int winnow_##p##potrs(char uplo, lapack_int n, lapack_int nrhs, const T *a, lapack_int lda,   \
                                               T *b, lapack_int ldb) {                                                 \
        return WINNOW_LAPACK(p##potrs)(LAPACK_ROW_MAJOR, uplo, n, nrhs, a, lda, b, ldb);                               \
    }                                                                                                                  \
    /* Inverse from the Cholesky factor, in place; fills the triangle uplo. */                                         \
    static inline lapack_int winnow_##p##potri(char uplo, lapack_int n, T *a, lapack_int lda) {                        \
        return WINNOW_LAPACK(p##potri)(LAPACK_ROW_MAJOR, uplo, n, a, lda);                                             \
    }                                                                                                                  \
    /* Eigenvalues w, ascending, and eigenvectors (jobz 'V') of a symmetric matrix, in place. */                       \
    static inline lapack_int winnow_##p##syevd(char jobz, char uplo, lapack_int n, T *a, lapack_int lda, T *w) {       \
        return WINNOW_LAPACK(p##syevd)(LAPACK_ROW_MAJOR, jobz, uplo, n, a, lda, w);                                    \
    }                                                                                                                  \
    /* Inverse of a triangular matrix, in place. */                                                                    \
    static inline lapack_int winnow_##p##trtri(char uplo, char diag, lapack_int n, T *a, lapack_int lda) {             \
        return WINNOW_LAPACK(p##trtri)(LAPACK_ROW_MAJOR, uplo, diag, n, a, lda);                                       \
    }                                                                                                                  \
    /* Minimum-norm least squares min |A x - B|; b has max(m, n) rows and receives x; s the singular values. */        \
    static inline lapack_int winnow_##p##gelsd(lapack_int m, lapack_int n, lapack_int nrhs, T *a, lapack_int lda,      \
                                               T *b, lapack_int ldb, T *s, T rcond, lapack_int *rank) {                \
        return WINNOW_LAPACK(p##gelsd)(LAPACK_ROW_MAJOR, m, n, nrhs, a, lda, b, ldb, s, rcond, rank);                  \
    }                                                                                                                  \
    /* Householder QR, in place; tau has min(m, n) entries. */                                                         \
    static inline lapack_int winnow_##p##geqrf(lapack_int m, lapack_int n, T *a, lapack_int lda, T *tau) {             \
        return WINNOW_LAPACK(p##geqrf)(LAPACK_ROW_MAJOR, m, n, a, lda, tau);                                           \
    }                                                                                                                  \
    /* The first n columns of Q from geqrf, in place. */                                                               \
    static inline lapack_int winnow_##p##orgqr(lapack_int m, lapack_int n, lapack_int k, T *a, lapack_int lda,         \
                                               const T *tau) {                                                         \
        return WINNOW_LAPACK(p##orgqr)(LAPACK_ROW_MAJOR, m, n, k, a, lda, tau);                                        \
    }

WINNOW_LAPACK_DECLARE(float, s)
WINNOW_LAPACK_DECLARE(double, d)
