import Testing
import WinnowGraph
import WinnowOperators
import WinnowTensor

/// Which element is nearest, by ONNX Runtime 1.31.
@Suite struct ResizeTests {
    private func nearest(
        of count: Int, _ coordinates: Resampling.Coordinates, _ rounding: Resampling.Rounding, scale: Float? = nil, size: Int? = nil
    ) throws -> [Int] {
        let x = Tensor((0..<count).map { Float($0) })
        return try run([("x", x)]) { b in
            let scales = scale.map { b.constant("scales", Tensor([$0])) }
            let sizes = size.map { b.constant("sizes", Tensor([Int64($0)])) }
            return try b.add(Resize(Resampling(coordinates: coordinates, rounding: rounding)), inputs: ["x", nil, scales, sizes])
        }[0].integers()
    }

    @Test func symmetricPlacesOnElementsAreThose() throws {
        #expect(try nearest(of: 7, .halfPixelSymmetric, .ceil, scale: 1.7) == [1, 1, 2, 2, 3, 3, 4, 5, 5, 6, 6])
        #expect(try nearest(of: 5, .halfPixelSymmetric, .ceil, scale: 2.5) == [0, 1, 1, 1, 2, 2, 3, 3, 3, 4, 4, 4])
        #expect(try nearest(of: 19, .halfPixelSymmetric, .ceil, size: 15) == [1, 2, 3, 4, 6, 7, 8, 9, 11, 12, 13, 15, 16, 17, 18])
        #expect(try nearest(of: 5, .halfPixelSymmetric, .floor, scale: 0.6) == [0, 1, 3])
    }

    @Test func placesNextToTheMiddleAreInTheMiddle() throws {
        #expect(try nearest(of: 20, .halfPixel, .preferCeil, size: 6) == [1, 5, 8, 11, 15, 18])
        #expect(try nearest(of: 14, .halfPixel, .preferFloor, size: 19) == [0, 1, 1, 2, 3, 4, 4, 5, 6, 6, 7, 8, 9, 9, 10, 11, 12, 12, 13])
        #expect(try nearest(of: 23, .asymmetric, .preferFloor, size: 14) == [0, 2, 3, 5, 7, 8, 10, 11, 13, 15, 16, 18, 20, 21])
        #expect(try nearest(of: 7, .asymmetric, .preferCeil, size: 2) == [0, 4])
        #expect(try nearest(of: 6, .halfPixelSymmetric, .preferFloor, scale: 1.6) == [0, 1, 1, 2, 2, 3, 4, 4, 5])
        #expect(try nearest(of: 2, .halfPixelSymmetric, .preferCeil, scale: 0.75) == [1])
    }

    /// Cubic interpolation goes beyond the numbers it lies between.
    @Test func bytesStayBytesWhereCubicsSwing() throws {
        let x = Tensor([UInt8(0), 0, 0, 255, 255, 255], shape: [1, 1, 1, 6])
        let y = try run([("x", x)]) { b in
            let scales = b.constant("scales", Tensor([Float(1), 1, 1, 2]))
            return try b.add(Resize(Resampling(mode: .cubic)), inputs: ["x", nil, scales])
        }[0].integers()
        #expect(y.prefix(6).allSatisfy { $0 < 128 } && y.suffix(6).allSatisfy { $0 > 127 })
    }
}
