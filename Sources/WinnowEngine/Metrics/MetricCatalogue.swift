/// Every metric, one line each, in the order reports list them.
package enum MetricCatalogue {
    package static let all: [any Metric.Type] = [
        Top1.self,
        TopK.self,
        CrossEntropy.self,
        Top1Agreement.self,
        EqualElements.self,
        Cosine.self,
        SignalToNoise.self,
        LargestDifference.self,
        RelativeError.self,
    ]
}
