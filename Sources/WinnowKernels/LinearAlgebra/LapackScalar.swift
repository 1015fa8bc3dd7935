internal import COpenBLAS

/// A type LAPACK computes in; matrices are row-major.
package protocol LapackScalar: BinaryFloatingPoint, BitwiseCopyable, Sendable {
    /// u is m × min(m, n), vt min(m, n) × n.
    static func singularValues(
        _ m: Int32, _ n: Int32, _ a: UnsafeMutablePointer<Self>, _ s: UnsafeMutablePointer<Self>,
        _ u: UnsafeMutablePointer<Self>, _ vt: UnsafeMutablePointer<Self>) -> Int32
    static func cholesky(_ n: Int32, _ a: UnsafeMutablePointer<Self>) -> Int32
    static func choleskySolve(_ n: Int32, _ columns: Int32, _ a: UnsafePointer<Self>, _ b: UnsafeMutablePointer<Self>) -> Int32
    static func choleskyInverse(_ n: Int32, _ a: UnsafeMutablePointer<Self>) -> Int32
    static func symmetricEigen(_ n: Int32, _ a: UnsafeMutablePointer<Self>, _ w: UnsafeMutablePointer<Self>) -> Int32
    static func triangularInverse(_ n: Int32, _ a: UnsafeMutablePointer<Self>, lower: Bool) -> Int32
    static func leastSquares(
        _ m: Int32, _ n: Int32, _ columns: Int32, _ a: UnsafeMutablePointer<Self>, _ b: UnsafeMutablePointer<Self>,
        _ s: UnsafeMutablePointer<Self>) -> Int32
    static func orthonormalBasis(_ m: Int32, _ n: Int32, _ a: UnsafeMutablePointer<Self>, _ tau: UnsafeMutablePointer<Self>) -> Int32
}

private let lower = CChar(UInt8(ascii: "L"))
private let upper = CChar(UInt8(ascii: "U"))
private let nonUnit = CChar(UInt8(ascii: "N"))
private let economy = CChar(UInt8(ascii: "S"))
private let vectors = CChar(UInt8(ascii: "V"))

extension Float: LapackScalar {
    package static func singularValues(
        _ m: Int32, _ n: Int32, _ a: UnsafeMutablePointer<Float>, _ s: UnsafeMutablePointer<Float>,
        _ u: UnsafeMutablePointer<Float>, _ vt: UnsafeMutablePointer<Float>
    ) -> Int32 { winnow_sgesdd(economy, m, n, a, n, s, u, min(m, n), vt, n) }

    package static func cholesky(_ n: Int32, _ a: UnsafeMutablePointer<Float>) -> Int32 { winnow_spotrf(lower, n, a, n) }

    package static func choleskySolve(
        _ n: Int32, _ columns: Int32, _ a: UnsafePointer<Float>, _ b: UnsafeMutablePointer<Float>
    ) -> Int32 { winnow_spotrs(lower, n, columns, a, n, b, columns) }

    package static func choleskyInverse(_ n: Int32, _ a: UnsafeMutablePointer<Float>) -> Int32 { winnow_spotri(lower, n, a, n) }

    package static func symmetricEigen(
        _ n: Int32, _ a: UnsafeMutablePointer<Float>, _ w: UnsafeMutablePointer<Float>
    ) -> Int32 { winnow_ssyevd(vectors, lower, n, a, n, w) }

    package static func triangularInverse(_ n: Int32, _ a: UnsafeMutablePointer<Float>, lower isLower: Bool) -> Int32 {
        winnow_strtri(isLower ? lower : upper, nonUnit, n, a, n)
    }

    package static func leastSquares(
        _ m: Int32, _ n: Int32, _ columns: Int32, _ a: UnsafeMutablePointer<Float>, _ b: UnsafeMutablePointer<Float>,
        _ s: UnsafeMutablePointer<Float>
    ) -> Int32 {
        var rank: Int32 = 0
        return winnow_sgelsd(m, n, columns, a, n, b, columns, s, -1, &rank)
    }

    package static func orthonormalBasis(
        _ m: Int32, _ n: Int32, _ a: UnsafeMutablePointer<Float>, _ tau: UnsafeMutablePointer<Float>
    ) -> Int32 {
        let status = winnow_sgeqrf(m, n, a, n, tau)
        return status == 0 ? winnow_sorgqr(m, n, n, a, n, tau) : status
    }
}

extension Double: LapackScalar {
    package static func singularValues(
        _ m: Int32, _ n: Int32, _ a: UnsafeMutablePointer<Double>, _ s: UnsafeMutablePointer<Double>,
        _ u: UnsafeMutablePointer<Double>, _ vt: UnsafeMutablePointer<Double>
    ) -> Int32 { winnow_dgesdd(economy, m, n, a, n, s, u, min(m, n), vt, n) }

    package static func cholesky(_ n: Int32, _ a: UnsafeMutablePointer<Double>) -> Int32 { winnow_dpotrf(lower, n, a, n) }

    package static func choleskySolve(
        _ n: Int32, _ columns: Int32, _ a: UnsafePointer<Double>, _ b: UnsafeMutablePointer<Double>
    ) -> Int32 { winnow_dpotrs(lower, n, columns, a, n, b, columns) }

    package static func choleskyInverse(_ n: Int32, _ a: UnsafeMutablePointer<Double>) -> Int32 { winnow_dpotri(lower, n, a, n) }

    package static func symmetricEigen(
        _ n: Int32, _ a: UnsafeMutablePointer<Double>, _ w: UnsafeMutablePointer<Double>
    ) -> Int32 { winnow_dsyevd(vectors, lower, n, a, n, w) }

    package static func triangularInverse(_ n: Int32, _ a: UnsafeMutablePointer<Double>, lower isLower: Bool) -> Int32 {
        winnow_dtrtri(isLower ? lower : upper, nonUnit, n, a, n)
    }

    package static func leastSquares(
        _ m: Int32, _ n: Int32, _ columns: Int32, _ a: UnsafeMutablePointer<Double>, _ b: UnsafeMutablePointer<Double>,
        _ s: UnsafeMutablePointer<Double>
    ) -> Int32 {
        var rank: Int32 = 0
        return winnow_dgelsd(m, n, columns, a, n, b, columns, s, -1, &rank)
    }

    package static func orthonormalBasis(
        _ m: Int32, _ n: Int32, _ a: UnsafeMutablePointer<Double>, _ tau: UnsafeMutablePointer<Double>
    ) -> Int32 {
        let status = winnow_dgeqrf(m, n, a, n, tau)
        return status == 0 ? winnow_dorgqr(m, n, n, a, n, tau) : status
    }
}

