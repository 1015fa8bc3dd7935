import WinnowTensor

/// Every pass, one line each, in the order help lists them.
public enum PassCatalogue {
    public static let all: [any Pass.Type] = [
        // Cleanup
        FoldBatchNorm.self,
        FoldConstants.self,
        RemoveDeadNodes.self,
        RemoveIdentity.self,
        RemoveNotes.self,
        ShortNames.self,
        // Pruning
        MagnitudePruning.self,
        GradualPruning.self,
        IterativePruning.self,
        DynamicSparseTraining.self,
        SparseTraining.self,
        StructuredPruning.self,
        ChannelSearch.self,
        FoldMasks.self,
        Unprune.self,
        // Quantization
        CrossLayerEqualization.self,
        SmoothQuant.self,
        ActivationAwareScaling.self,
        OutlierSuppression.self,
        HadamardRotation.self,
        StaticQuantization.self,
        DynamicQuantization.self,
        WeightOnlyQuantization.self,
        FixedPointQuantization.self,
        Float4Quantization.self,
        Palettization.self,
        Dequantization.self,
        QuantizationAwareTraining.self,
        LearnedStepQuantization.self,
        BiasCorrection.self,
        BatchNormReestimation.self,
        Float16Conversion.self,
        // Low rank
        SVDFactorization.self,
        MergeFactors.self,
        LowRankCompensation.self,
        AttentionFactorization.self,
        RankRegularization.self,
        // Depth
        BlockRemoval.self,
        // Training
        Finetune.self,
        Distillation.self,
        FeatureHint.self,
        BlockDistillation.self,
        MutualLearning.self,
    ]

    /// Throws `.recipe` for an unknown name.
    public static func pass(named name: String) throws -> any Pass.Type {
        guard let pass = all.first(where: { $0.name == name }) else {
            throw WinnowError(
                .recipe, name, "there is no such pass", remedy: Spelling.remedy(for: name, among: all.map { $0.name }))
        }
        return pass
    }
}
