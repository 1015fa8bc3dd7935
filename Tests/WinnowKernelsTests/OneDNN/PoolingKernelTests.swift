import Testing
import WinnowTensor

import WinnowKernels

/// Pooling and its gradients as plain loops in float64 over row-major data.
struct ReferencePooling {
    let geometry: PoolingGeometry

    /// Calls `body(target index, source indices in window order, count of positions on source and pads)` for each window.
    private func forEachWindow(_ body: (Int, [Int], Int) -> Void) {
        let (source, target) = (geometry.sourceShape, geometry.targetShape)
        let window = geometry.window
        let axes = window.extents.indices
        let plane = source.dropFirst(2).reduce(1, *)
        for index in 0..<target.elementCount {
            var image = index
            var at = [Int](repeating: 0, count: axes.count)
            for axis in axes.reversed() { at[axis] = image % target[axis + 2]; image /= target[axis + 2] }
            var inside: [Int] = []
            var counted = 0
            for tap in 0..<window.extents.reduce(1, *) {
                var rest = tap
                var position = [Int](repeating: 0, count: axes.count)
                for axis in axes.reversed() {
                    position[axis] = at[axis] * window.strides[axis] - window.padsBegin[axis]
                        + rest % window.extents[axis] * window.dilations[axis]
                    rest /= window.extents[axis]
                }
                let isOnPads = axes.allSatisfy { position[$0] < source[$0 + 2] + window.padsEnd[$0] }
                if isOnPads { counted += 1 }
                if axes.allSatisfy({ position[$0] >= 0 && position[$0] < source[$0 + 2] }) {
                    inside.append(image * plane + axes.reduce(0) { $0 * source[$1 + 2] + position[$1] })
                }
            }
            body(index, inside, counted)
        }
    }

    func forward(_ kind: PoolingKind, _ source: [Double]) -> [Double] {
        var result = [Double](repeating: 0, count: geometry.targetShape.elementCount)
        forEachWindow { index, inside, counted in
            let values = inside.map { source[$0] }
            switch kind {
            case .maximum: result[index] = values.max() ?? 0
            case .average(let countsPads): result[index] = values.reduce(0, +) / Double(countsPads ? counted : values.count)
            }
        }
        return result
    }

    func gradient(_ kind: PoolingKind, _ source: [Double], _ gradient: [Double]) -> [Double] {
        var result = [Double](repeating: 0, count: geometry.sourceShape.elementCount)
        forEachWindow { index, inside, counted in
            switch kind {
            case .maximum:
                let best = inside.reduce(inside[0]) { source[$1] > source[$0] ? $1 : $0 }
                result[best] += gradient[index]
            case .average(let countsPads):
                for at in inside { result[at] += gradient[index] / Double(countsPads ? counted : inside.count) }
            }
        }
        return result
    }
}

extension PoolingGeometry {
    /// A small geometry drawn at random whose windows all reach into the source.
    ///
    /// - Parameter isWide: whether windows are wider than the source, so that most of their taps meet none of it.
    static func random(_ data: inout TestTensors, dilates: Bool, isWide: Bool = false) -> PoolingGeometry {
        let rank = data.int(1...(isWide ? 2 : 3))
        if isWide {
            let (spatial, pads) = ((0..<rank).map { _ in data.int(1...5) }, (0..<rank).map { _ in data.int(6...12) })
            let dilations = spatial.map { dilates && $0 > 1 ? data.int(1...2) : 1 }
            let slide = (0..<rank).map { _ in data.int(0...5) }
            return PoolingGeometry(
                sourceShape: Shape([data.int(1...2), data.int(1...20)] + spatial),
                window: WindowGeometry(
                    (0..<rank).map { (spatial[$0] + 2 * pads[$0] - slide[$0] - 1) / dilations[$0] + 1 },
                    strides: (0..<rank).map { _ in data.int(1...3) }, dilations: dilations, padsBegin: pads),
                roundsUp: data.bool())
        }
        let window = (0..<rank).map { _ in data.int(2...3) }
        let dilations = (0..<rank).map { _ in dilates ? data.int(1...2) : 1 }
        let spatial = (0..<rank).map { (window[$0] - 1) * dilations[$0] + data.int(1...6) }
        return PoolingGeometry(
            sourceShape: Shape([data.int(1...3), data.int(1...20)] + spatial),
            window: WindowGeometry(
                window, strides: window.map { _ in data.int(1...3) }, dilations: dilations,
                padsBegin: window.map { _ in data.int(0...1) }, padsEnd: window.map { _ in data.int(0...1) }),
            roundsUp: data.bool())
    }
}

extension OneDNNTests {
    @Suite struct PoolingKernelTests {
        static let kinds: [PoolingKind] = [.maximum, .average(countsPads: true), .average(countsPads: false)]

        /// Work is in proportion to what windows meet, not to how wide they are.
        @Test(arguments: kinds) func windowsMayBeFarWiderThanTheirSource(kind: PoolingKind) throws {
            let pad = 1 << 30
            let geometry = PoolingGeometry(
                sourceShape: [1, 3, 32, 32], window: WindowGeometry([2, 2 * pad], padsBegin: [0, pad - 1], padsEnd: [1, pad]))
            let source = Tensor((0..<3072).map(Float.init), shape: [1, 3, 32, 32])
            let kernel = try PoolingKernel(geometry, kind, layout: .rowMajor)
            let target = Block(geometry.targetShape)
            try kernel.run(source: source.pointer, target: target.base, scratch: Block(kernel.scratchByteCount).base)
            let results = target.tensor(geometry.targetShape, .float32, .rowMajor).floats()
            #expect(results.count == 3 * 32 * 32 && results.allSatisfy(\.isFinite))
            if kind == .maximum { #expect(results.first == 63) }
        }

        @Test(arguments: 0..<60, kinds) func floatsMatchLoop(seed: Int, kind: PoolingKind) throws {
            var data = TestTensors(seed: 6000 + seed)
            let geometry = PoolingGeometry.random(&data, dilates: kind == .maximum, isWide: seed >= 40)
            let layout = data.layout()
            // Whole numbers, so that maxima are often tied.
            let source = Tensor(
                (0..<geometry.sourceShape.elementCount).map { _ in Float(data.int(-9...9)) }, shape: geometry.sourceShape)
            let gradient = data.normal(geometry.targetShape)
            let reference = ReferencePooling(geometry: geometry)
            let kernel = try PoolingKernel(geometry, kind, layout: layout)
            let target = Block(geometry.targetShape)
            let laid = source.laid(out: layout)
            try kernel.run(source: laid.pointer, target: target.base, scratch: Block(kernel.scratchByteCount).base)
            expectClose(
                target.tensor(geometry.targetShape, .float32, layout), reference.forward(kind, source.doubles()),
                "\(geometry) \(layout)")

            let sourceGradient = Block(geometry.sourceShape)
            let laidGradient = gradient.laid(out: layout)
            if case .average(let countsPads) = kind {
                let kernel = try AveragePoolingGradientKernel(geometry, countsPads: countsPads, layout: layout)
                try kernel.run(
                    targetGradient: laidGradient.pointer, sourceGradient: sourceGradient.base,
                    scratch: Block(kernel.scratchByteCount).base)
            } else {
                let kernel = try MaxPoolingGradientKernel(geometry, layout: layout)
                kernel.run(
                    source: laid.pointer, targetGradient: laidGradient.pointer, sourceGradient: sourceGradient.base)
            }
            expectClose(
                sourceGradient.tensor(geometry.sourceShape, .float32, layout),
                reference.gradient(kind, source.doubles(), gradient.doubles()), "gradient \(geometry) \(layout)")
        }

        @Test(arguments: 0..<30, [ElementType.int8, .uint8]) func codesMatchLoop(seed: Int, type: ElementType) throws {
            var data = TestTensors(seed: 7000 + seed)
            var geometry = PoolingGeometry.random(&data, dilates: false)
            geometry.roundsUp = false
            let layout = data.layout()
            let kind = Self.kinds[seed % 3]
            let source = data.integers(geometry.sourceShape, type)
            let kernel = try PoolingKernel(geometry, kind, type, layout: layout)
            let target = Block(geometry.targetShape, type)
            try kernel.run(
                source: source.laid(out: layout).pointer, target: target.base, scratch: Block(kernel.scratchByteCount).base)
            let expected = ReferencePooling(geometry: geometry).forward(kind, source.doubles())
            let worst = zip(target.tensor(geometry.targetShape, type, layout).doubles(), expected).map { abs($0 - $1) }.max() ?? 0
            #expect(worst <= 0.501, "\(geometry) \(layout) \(kind)")
        }

        @Test func globalIsOneWindow() throws {
            let geometry = PoolingGeometry.global([2, 3, 4, 5])
            #expect(geometry.targetShape == [2, 3, 1, 1])
            #expect(throws: WinnowError.self) {
                try PoolingGeometry(sourceShape: [1, 1, 2, 2], window: WindowGeometry([3, 3])).validate()
            }
        }
    }
}
