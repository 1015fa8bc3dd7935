internal import Foundation
package import WinnowTensor

/// What a fused kernel does to its result before storing it: steps applied in order, element by element.
package struct Epilogue: Hashable, Sendable {
    /// One elementwise step, in the units of the real (dequantized) values.
    package enum Step: Hashable, Sendable {
        case relu
        case leakyRelu(alpha: Float)
        case clip(low: Float, high: Float)
        case sigmoid
        case tanh
        case hardSwish
        /// max(0, min(1, alpha·x + beta))
        case hardSigmoid(alpha: Float, beta: Float)
        /// x · sigmoid(alpha·x)
        case swish(alpha: Float)
        case geluErf
        case geluTanh
        case elu(alpha: Float)
        /// alpha·x + beta
        case linear(alpha: Float, beta: Float)
        /// Adds `scale · (residual − zeroPoint)`; the residual has the target's shape and layout. At most one per epilogue.
        case addResidual(ElementType = .float32, scale: Float = 1, zeroPoint: Int32 = 0)
    }

    package var steps: [Step]

    package init(_ steps: [Step] = []) { self.steps = steps }

    package static let none = Epilogue()

    /// The residual's element type; nil if there is none.
    package var residualType: ElementType? {
        for step in steps { if case .addResidual(let type, _, _) = step { return type } }
        return nil
    }

    var residualCount: Int {
        steps.count { if case .addResidual = $0 { true } else { false } }
    }
}

extension Epilogue: ExpressibleByArrayLiteral {
    package init(arrayLiteral steps: Step...) { self.init(steps) }
}
