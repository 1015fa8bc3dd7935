import Testing

/// Groups the tests of oneDNN's kernels so that they run one after another: they share one thread pool.
@Suite(.serialized) struct OneDNNTests {}
