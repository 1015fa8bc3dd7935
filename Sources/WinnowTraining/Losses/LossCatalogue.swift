/// Every loss, one line each.
package enum LossCatalogue {
    package static let all: [any LossFunction.Type] = [
        CrossEntropyLoss.self,
        BinaryCrossEntropyLoss.self,
        MeanSquaredLoss.self,
        AbsoluteLoss.self,
        HuberLoss.self,
        CosineLoss.self,
        DivergenceLoss.self,
        TemporalClassificationLoss.self,
        ContrastiveLoss.self,
        NoiseContrastiveLoss.self,
        TripletLoss.self,
        AttentionTransferLoss.self,
        SimilarityLoss.self,
        RelationDistanceLoss.self,
        RelationAngleLoss.self,
    ]
}
