// `import Winnow` gives the public part of every layer.
@_exported public import WinnowEngine
@_exported public import WinnowGraph
@_exported public import WinnowPasses
@_exported public import WinnowReport
@_exported public import WinnowTensor
@_exported public import WinnowTraining
