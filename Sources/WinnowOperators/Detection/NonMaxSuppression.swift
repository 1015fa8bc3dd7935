package import WinnowGraph
package import WinnowTensor

/// The boxes of each image and class that no better box covers too much of, as (image, class, box), best first.
///
/// Inputs: boxes (N, B, 4), scores (N, C, B), the most boxes a class, the largest overlap (intersection over union), the
/// score a box must exceed.
package struct NonMaxSuppression: ContentShaped {
    package static let type = OperatorType("NonMaxSuppression")
    package static let maximumInputCount = 5

    package var inputRoles: [Int: OperandRole] { [2: .setting, 3: .setting, 4: .setting] }
    package var float32Inputs: Set<Int> { [0, 1, 3, 4] }

    /// Whether boxes are (x center, y center, width, height) rather than two corners (y, x, y, x).
    package var takesCenters: Bool

    package init(takesCenters: Bool = false) { self.takesCenters = takesCenters }

    package init(attributes: Attributes, version: Int) throws {
        self.init(takesCenters: try attributes.flag("center_point_box", default: false))
    }

    package var attributes: Attributes { ["center_point_box": .int(takesCenters ? 1 : 0)] }
    package var minimumVersion: Int { 10 }

    package func undeterminedOutputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] { [ValueInfo(.int64, [.unknown, 3])] }

    package func results(of inputs: [Tensor?]) throws -> [Tensor] {
        let (boxes, scores) = (try inputs.required(0), try inputs.required(1))
        guard boxes.rank == 3, scores.rank == 3, boxes.shape[2] == 4, boxes.shape[0] == scores.shape[0],
            boxes.shape[1] == scores.shape[2]
        else { throw WinnowError(.shape, "boxes \(boxes.shape)", "do not fit scores \(scores.shape)") }
        let limit = inputs.optional(2)?.integers().first ?? 0
        let overlap = inputs.optional(3)?.doubles().first ?? 0
        let threshold = inputs.optional(4)?.doubles().first ?? -.infinity
        let (corners, values) = (boxes.doubles(), scores.doubles())
        let (count, classes) = (boxes.shape[1], scores.shape[1])
        var chosen: [Int64] = []
        for image in 0..<boxes.shape[0] {
            let rectangles = (0..<count).map { rectangle(corners, (image * count + $0) * 4) }
            for kind in 0..<classes {
                let own = values[((image * classes + kind) * count)...].prefix(count)
                let candidates = own.enumerated().filter { $0.element > threshold }
                    .sorted { ($1.element, $0.offset) < ($0.element, $1.offset) }.map(\.offset)
                var kept: [Int] = []
                for box in candidates where kept.count < limit {
                    if kept.allSatisfy({ rectangles[$0].overlap(rectangles[box]) <= overlap }) { kept.append(box) }
                }
                chosen += kept.flatMap { [Int64(image), Int64(kind), Int64($0)] }
            }
        }
        return [Tensor(chosen, shape: [chosen.count / 3, 3])]
    }

    private func rectangle(_ numbers: [Double], _ start: Int) -> Rectangle {
        let (a, b, c, d) = (numbers[start], numbers[start + 1], numbers[start + 2], numbers[start + 3])
        return takesCenters
            ? Rectangle(top: b - d / 2, left: a - c / 2, bottom: b + d / 2, right: a + c / 2)
            : Rectangle(top: min(a, c), left: min(b, d), bottom: max(a, c), right: max(b, d))
    }
}

private struct Rectangle {
    var top: Double
    var left: Double
    var bottom: Double
    var right: Double

    var area: Double { (bottom - top) * (right - left) }

    /// Intersection over union; 0 where a box is empty.
    func overlap(_ other: Rectangle) -> Double {
        let height = max(0, min(bottom, other.bottom) - max(top, other.top))
        let width = max(0, min(right, other.right) - max(left, other.left))
        guard area > 0, other.area > 0 else { return 0 }
        return height * width / (area + other.area - height * width)
    }
}
