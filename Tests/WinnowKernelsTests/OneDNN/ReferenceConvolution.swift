import WinnowTensor

import WinnowKernels

/// A convolution and its adjoints as plain loops in float64 over row-major data.
struct ReferenceConvolution {
    let geometry: ConvolutionGeometry
    private let source: [Int]
    private let filter: [Int]
    private let target: [Int]
    private let strides: [Int]
    private let dilations: [Int]
    private let pads: [Int]

    init(_ geometry: ConvolutionGeometry) {
        self.geometry = geometry
        func three(_ values: [Int], _ fill: Int) -> [Int] { [Int](repeating: fill, count: 3 - values.count) + values }
        source = Array(geometry.sourceShape.prefix(2)) + three(Array(geometry.sourceShape.dropFirst(2)), 1)
        filter = Array(geometry.filterShape.prefix(2)) + three(Array(geometry.filterShape.dropFirst(2)), 1)
        target = Array(geometry.targetShape.prefix(2)) + three(Array(geometry.targetShape.dropFirst(2)), 1)
        strides = three(geometry.window.strides, 1)
        dilations = three(geometry.window.dilations, 1)
        pads = three(geometry.window.padsBegin, 0)
    }

    /// Calls `body(target index, source index, filter index, output channel)` for every product.
    private func forEachProduct(_ body: (Int, Int, Int, Int) -> Void) {
        let outPerGroup = filter[0] / geometry.groups
        var at = 0
        for n in 0..<target[0] {
            for o in 0..<target[1] {
                for z in 0..<target[2] {
                    for y in 0..<target[3] {
                        for x in 0..<target[4] {
                            for c in 0..<filter[1] {
                                let channel = o / outPerGroup * filter[1] + c
                                forEachTap([z, y, x]) { tap, position in
                                    body(at, (n * source[1] + channel) * source[2] * source[3] * source[4] + position,
                                        (o * filter[1] + c) * filter[2] * filter[3] * filter[4] + tap, o)
                                }
                            }
                            at += 1
                        }
                    }
                }
            }
        }
    }

    private func forEachTap(_ at: [Int], _ body: (Int, Int) -> Void) {
        var tap = 0
        for k in 0..<filter[2] {
            let z = at[0] * strides[0] - pads[0] + k * dilations[0]
            for i in 0..<filter[3] {
                let y = at[1] * strides[1] - pads[1] + i * dilations[1]
                for j in 0..<filter[4] {
                    let x = at[2] * strides[2] - pads[2] + j * dilations[2]
                    if z >= 0, z < source[2], y >= 0, y < source[3], x >= 0, x < source[4] {
                        body(tap, (z * source[3] + y) * source[4] + x)
                    }
                    tap += 1
                }
            }
        }
    }

    func forward(_ sourceValues: [Double], _ filterValues: [Double], bias: [Double]? = nil) -> [Double] {
        var result = [Double](repeating: 0, count: geometry.targetShape.elementCount)
        forEachProduct { t, s, f, _ in result[t] += sourceValues[s] * filterValues[f] }
        if let bias {
            let inner = target[2] * target[3] * target[4]
            for index in result.indices { result[index] += bias[index / inner % target[1]] }
        }
        return result
    }

    func sourceGradient(_ targetGradient: [Double], _ filterValues: [Double]) -> [Double] {
        var result = [Double](repeating: 0, count: geometry.sourceShape.elementCount)
        forEachProduct { t, s, f, _ in result[s] += targetGradient[t] * filterValues[f] }
        return result
    }

    func filterGradient(_ sourceValues: [Double], _ targetGradient: [Double]) -> [Double] {
        var result = [Double](repeating: 0, count: geometry.filterShape.elementCount)
        forEachProduct { t, s, f, _ in result[f] += targetGradient[t] * sourceValues[s] }
        return result
    }

    func biasGradient(_ targetGradient: [Double]) -> [Double] {
        var result = [Double](repeating: 0, count: target[1])
        let inner = target[2] * target[3] * target[4]
        for index in targetGradient.indices { result[index / inner % target[1]] += targetGradient[index] }
        return result
    }
}

extension ConvolutionGeometry {
    /// A small geometry drawn at random: rank 3 to 5, groups or depthwise, odd extents, uneven pads.
    static func random(_ data: inout TestTensors) -> ConvolutionGeometry {
        let spatialRank = [1, 2, 2, 2, 3][data.int(0...4)]
        let kind = data.int(0...3)
        let groups = kind == 0 ? data.int(2...3) : kind == 1 ? data.int(2...20) : 1
        let perGroup = kind == 1 ? 1 : data.int(1...9)
        let outputs = groups * (kind == 1 ? data.int(1...2) : data.int(1...9))
        var spatial: [Int] = []
        var taps: [Int] = []
        var dilations: [Int] = []
        for _ in 0..<spatialRank {
            let tap = data.int(1...3)
            let dilation = data.int(1...2)
            taps.append(tap)
            dilations.append(dilation)
            spatial.append((tap - 1) * dilation + data.int(1...5))
        }
        func several(_ range: ClosedRange<Int>) -> [Int] { (0..<spatialRank).map { _ in data.int(range) } }
        return ConvolutionGeometry(
            sourceShape: Shape([data.int(1...3), groups * perGroup] + spatial),
            filterShape: Shape([outputs, perGroup] + taps),
            window: WindowGeometry(
                taps, strides: several(1...3), dilations: dilations, padsBegin: several(0...1), padsEnd: several(0...2)),
            groups: groups)
    }
}
