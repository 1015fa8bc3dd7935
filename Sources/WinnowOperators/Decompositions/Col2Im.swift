package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// Columns of blocks (N, C · block, places) added up to images: a transposed convolution that puts each element in its place.
///
/// Inputs: columns, the image's spatial extents, the block's extents.
package struct Col2Im: Decomposition {
    package static let type = OperatorType("Col2Im")
    package static let maximumInputCount = 3

    /// Strides, dilations and pads; the extents are an input.
    package var window: Window

    package init(window: Window = Window()) { self.window = window }
    package init(attributes: Attributes, version: Int) throws { self.init(window: try Window(attributes: attributes)) }

    package var attributes: Attributes { window.attributes }
    package var minimumVersion: Int { 18 }

    package func undeterminedOutputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let (x, image) = (try inputs.required(0), try inputs.required(1))
        guard let count = image.shape?.first, count < 64 else { return [ValueInfo(x.elementType, nil)] }
        let sides = inputs.integers(1)?.map { Extent.fixed($0) } ?? (0..<count).map { _ in .unknown }
        return [ValueInfo(x.elementType, [x.extents?.first ?? .unknown, .unknown] + sides)]
    }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        let x = try inputs.required(0)
        let (image, block) = (try b.knownIntegers(of: inputs.required(1)), try b.knownIntegers(of: inputs.required(2)))
        let size = Shape(block).elementCount
        guard image.count == block.count, size > 0, try b.extent(1, of: x) % size == 0 else {
            throw WinnowError(.shape, "block", "\(block) does not fit images \(image)")
        }
        var own = window
        own.extents = block
        let places = try own.outputExtents(source: image.map { .fixed($0) }).compactMap(\.value)
        let resolved = try own.resolved(source: image)
        let behind = image.indices.map { axis in
            (image[axis] + resolved.padsBegin[axis] + resolved.padsEnd[axis])
                -| ((places[axis] - 1) *| resolved.strides[axis]) -| ((block[axis] - 1) *| resolved.dilations[axis]) -| 1
        }
        let filter = try b.table("places", [size, 1] + block, as: b.elementType(of: x)) { $0 / size == $0 % size ? 1 : 0 }
        let columns = try b.reshaped(x, [-1, size] + places)
        let result = try b.add(ConvTranspose(window: own, outputPadding: behind), columns, filter)
        return [try b.reshaped(result, [-1, b.extent(1, of: x) / size] + image)]
    }
}
