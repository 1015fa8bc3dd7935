import WinnowGraph
import WinnowTensor
import WinnowTestSupport

/// The problems the operator laws are tried on; every operator of the catalogue has at least one.
enum OperatorSamples {
    static let all: [OperatorSample] =
        contraction + elementwise + normalization + pooling + movement + reduction + loss + quantization + integer
        + indexing + qlinear + resizing + control + decompositions + recurrent + detection + einsums + signal + sampling
        + attention + optimizers + stateful + sequences
}

/// An int64 vector.
func indices(_ values: Int...) -> Tensor { Tensor(values.map { Int64($0) }) }
