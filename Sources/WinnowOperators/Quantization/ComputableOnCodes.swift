package import WinnowGraph

/// A layer for which the standard has an operator that takes codes and gives codes, without pairs around it.
package protocol ComputableOnCodes: Operator {
    /// That operator, with the attributes of this one. Inputs: x, scale, zero point, weight, scale(s), zero point(s), y scale, y zero point,
    /// int32 bias.
    var onCodes: any Operator { get }
}
