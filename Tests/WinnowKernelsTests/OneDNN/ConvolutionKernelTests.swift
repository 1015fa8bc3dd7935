import Testing
import WinnowTensor

import WinnowKernels

extension OneDNNTests {
    @Suite struct ConvolutionKernelTests {
        @Test(arguments: 0..<60, [MathMode.float32, .bfloat16]) func forwardMatchesLoop(seed: Int, math: MathMode) throws {
            var data = TestTensors(seed: seed)
            let geometry = ConvolutionGeometry.random(&data)
            let layouts = OperandLayouts(source: data.layout(), target: data.layout())
            let (source, filter) = (data.normal(geometry.sourceShape).exact(in: math), data.normal(geometry.filterShape).exact(in: math))
            let bias = data.bool() ? data.normal([geometry.filterShape[0]]) : nil
            let isConstant = data.bool()
            let kernel = try ConvolutionKernel(
                geometry, layouts, constantFilter: isConstant ? filter.pointer : nil,
                hasBias: bias != nil, math: math)
            let target = Block(geometry.targetShape)
            let scratch = Block(kernel.scratchByteCount)
            let laid = source.laid(out: layouts.source)
            #expect(!kernel.implementation.hasPrefix("ref"), "\(kernel.implementation) \(geometry)")
            for _ in 0..<2 {
                try kernel.run(
                    source: laid.pointer, filter: isConstant ? nil : filter.pointer, bias: bias?.pointer,
                    target: target.base, scratch: scratch.base)
            }
            let expected = ReferenceConvolution(geometry).forward(source.doubles(), filter.doubles(), bias: bias?.doubles())
            expectClose(target.tensor(geometry.targetShape, .float32, layouts.target), expected, "\(geometry) \(layouts)")
        }

        @Test(arguments: 0..<60, [MathMode.float32, .bfloat16]) func gradientsMatchLoop(seed: Int, math: MathMode) throws {
            var data = TestTensors(seed: 1000 + seed)
            let geometry = ConvolutionGeometry.random(&data)
            let layouts = OperandLayouts(source: data.layout(), target: data.layout())
            let (source, filter) = (data.normal(geometry.sourceShape).exact(in: math), data.normal(geometry.filterShape).exact(in: math))
            let gradient = data.normal(geometry.targetShape).exact(in: math)
            let (laidSource, laidGradient) = (source.laid(out: layouts.source), gradient.laid(out: layouts.target))
            let isConstant = data.bool()
            let reference = ReferenceConvolution(geometry)

            let toSource = try ConvolutionSourceGradientKernel(
                geometry, layouts, constantFilter: isConstant ? filter.pointer : nil, math: math)
            #expect(!toSource.implementation.hasPrefix("ref"), "\(geometry)")
            let sourceGradient = Block(geometry.sourceShape)
            try toSource.run(
                targetGradient: laidGradient.pointer, filter: filter.pointer, sourceGradient: sourceGradient.base,
                scratch: Block(toSource.scratchByteCount).base)
            expectClose(
                sourceGradient.tensor(geometry.sourceShape, .float32, layouts.source),
                reference.sourceGradient(gradient.doubles(), filter.doubles()), "source \(geometry) \(layouts)")

            let hasBias = data.bool()
            let toFilter = try ConvolutionFilterGradientKernel(geometry, layouts, hasBias: hasBias, math: math)
            #expect(!toFilter.implementation.hasPrefix("ref"), "\(geometry)")
            let filterGradient = Block(geometry.filterShape)
            let biasGradient = Block([geometry.filterShape[0]])
            let scratch = Block(toFilter.scratchByteCount)
            try toFilter.run(
                source: laidSource.pointer, targetGradient: laidGradient.pointer, filterGradient: filterGradient.base,
                biasGradient: hasBias ? biasGradient.base : nil, scratch: scratch.base)
            expectClose(
                filterGradient.tensor(geometry.filterShape), reference.filterGradient(source.doubles(), gradient.doubles()),
                "filter \(geometry) \(layouts)")
            if hasBias {
                expectClose(
                    biasGradient.tensor([geometry.filterShape[0]]), reference.biasGradient(gradient.doubles()), "bias \(geometry)")
            }
        }

        @Test(arguments: [2, 3, 8, 13, 16, 24, 40, 72, 131], [1, 2]) func depthwiseFilterGradientsMatchLoop(channels: Int, threads: Int) throws {
            defer { ThreadCount.set(0) }
            ThreadCount.set(threads)
            for seed in 0..<6 {
                var data = TestTensors(seed: 3000 + seed)
                var geometry =
                    seed > 0
                    ? ConvolutionGeometry.random(&data)
                    : ConvolutionGeometry(
                        sourceShape: [2, 1, 4, 9], filterShape: [1, 1, 5, 5], window: WindowGeometry([5, 5], padsBegin: [2, 2]))
                geometry.sourceShape = Shape([data.int(1...3), channels] + geometry.sourceShape.dropFirst(2))
                geometry.filterShape = Shape([channels, 1] + geometry.filterShape.dropFirst(2))
                geometry.groups = channels
                let layouts = OperandLayouts(source: .channelsLast, target: .channelsLast)
                let (source, gradient) = (data.normal(geometry.sourceShape), data.normal(geometry.targetShape))
                let kernel = try #require(try DepthwiseFilterGradientKernel(geometry, layouts, hasBias: seed % 2 == 0))
                let (filter, bias) = (Block(geometry.filterShape), Block([channels]))
                kernel.run(
                    source: source.laid(out: .channelsLast).floats, targetGradient: gradient.laid(out: .channelsLast).floats,
                    filterGradient: filter.floats, biasGradient: seed % 2 == 0 ? bias.floats : nil,
                    scratch: Block(kernel.scratchByteCount).base)
                let reference = ReferenceConvolution(geometry)
                expectClose(
                    filter.tensor(geometry.filterShape), reference.filterGradient(source.doubles(), gradient.doubles()), "\(geometry)")
                if seed % 2 == 0 { expectClose(bias.tensor([channels]), reference.biasGradient(gradient.doubles()), "\(geometry)") }
            }
        }

        @Test(arguments: 0..<40) func transposedMatchesAdjointLoop(seed: Int) throws {
            var data = TestTensors(seed: 2000 + seed)
            let adjoint = ConvolutionGeometry.random(&data)
            let outputPadding = (0..<adjoint.spatialRank).map { axis -> Int in
                let reach = (adjoint.filterShape[axis + 2] - 1) * adjoint.window.dilations[axis] + 1
                let padded = adjoint.sourceShape[axis + 2] + adjoint.window.padsBegin[axis] + adjoint.window.padsEnd[axis]
                return (padded - reach) % adjoint.window.strides[axis]
            }
            let geometry = TransposedConvolutionGeometry(
                sourceShape: adjoint.targetShape, filterShape: adjoint.filterShape, window: adjoint.window,
                outputPadding: outputPadding, groups: adjoint.groups)
            #expect(geometry.targetShape == adjoint.sourceShape)
            let layouts = OperandLayouts(source: data.layout(), target: data.layout())
            let (source, filter) = (data.normal(geometry.sourceShape), data.normal(geometry.filterShape))
            let isConstant = data.bool()
            let kernel = try TransposedConvolutionKernel(
                geometry, layouts, constantFilter: isConstant ? filter.pointer : nil,
                hasBias: true, epilogue: [.relu])
            #expect(!kernel.implementation.hasPrefix("ref"), "\(geometry)")
            let bias = data.normal([geometry.targetShape[1]])
            let target = Block(geometry.targetShape)
            let laid = source.laid(out: layouts.source)
            try kernel.run(
                source: laid.pointer, filter: filter.pointer, bias: bias.pointer, target: target.base,
                scratch: Block(kernel.scratchByteCount).base)
            let inner = Shape(Array(geometry.targetShape.dropFirst(2))).elementCount
            let expected = ReferenceConvolution(adjoint).sourceGradient(source.doubles(), filter.doubles()).enumerated().map {
                max(0, $0.element + bias.doubles()[$0.offset / inner % geometry.targetShape[1]])
            }
            expectClose(target.tensor(geometry.targetShape, .float32, layouts.target), expected, "\(geometry) \(layouts)")
        }

        @Test func wrongShapesAreNamed() {
            let geometry = ConvolutionGeometry(sourceShape: [1, 3, 4, 4], filterShape: [8, 2, 3, 3])
            #expect {
                try ConvolutionKernel(geometry, OperandLayouts(source: .rowMajor, target: .rowMajor), hasBias: false)
            } throws: { ($0 as? WinnowError)?.kind == .shape }
            let tooSmall = ConvolutionGeometry(sourceShape: [1, 2, 2, 2], filterShape: [8, 2, 5, 5])
            #expect(throws: WinnowError.self) { try tooSmall.validate() }
            let otherWindow = ConvolutionGeometry(
                sourceShape: [1, 2, 5, 5], filterShape: [8, 2, 3, 3], window: WindowGeometry([2, 2]))
            #expect(throws: WinnowError.self) { try otherWindow.validate() }
            let shortWindow = ConvolutionGeometry(
                sourceShape: [1, 2, 5, 5], filterShape: [8, 2, 3, 3], window: WindowGeometry([3, 3], strides: [1]))
            #expect(throws: WinnowError.self) { try shortWindow.validate() }
        }
    }
}
