/// How a model is trained.
public struct TrainingConfiguration: Codable, Hashable, Sendable {
    public var epochs: Int
    /// Samples in one step.
    public var batchSize: Int
    public var learningRate: Double
    public var optimizer: OptimizerConfiguration
    public var schedule: Schedule
    /// Fixes the order of samples, augmentation and dropout.
    public var seed: UInt64
    public var augmentation = Augmentation()
    public var clipping: GradientClipping?
    /// Samples that go through the model at once; a step adds up the gradients of as many such parts as it needs. 0: all of them.
    public var partSize = 0
    /// How much of the average of weights the next step leaves, which is what is validated and given back; 0: the weights themselves.
    public var averaging = 0.0
    /// Epochs without a better one after which training ends; 0: never.
    public var patience = 0
    /// Seconds after which no further epoch begins; nil: all are taken.
    public var seconds: Double?
    /// The probability spread evenly over all classes in the target of a cross-entropy.
    public var labelSmoothing = 0.0
    /// Computes what training does not change, a teacher's outputs, once for every sample and keeps it on disk, where the data allow.
    public var keepsFixedValues = true
    /// Gives back the state with the best validation accuracy instead of the last one.
    public var keepsBest = true
    /// Leaves a last smaller batch out; otherwise it makes a smaller step of its own, as in torch.
    public var dropsLastBatch = false
    /// The longest time between two checkpoints within an epoch; every epoch ends with one.
    public var checkpointSeconds = 60.0

    /// What most runs say; the rest are properties.
    public init(
        epochs: Int = 10, batchSize: Int = 64, learningRate: Double = 1e-3, optimizer: OptimizerConfiguration = .adam(),
        schedule: Schedule = Schedule(), seed: UInt64 = 0
    ) {
        self.epochs = epochs
        self.batchSize = batchSize
        self.learningRate = learningRate
        self.optimizer = optimizer
        self.schedule = schedule
        self.seed = seed
    }
}

extension TrainingConfiguration {
    /// Reads any of the properties; those left out keep their defaults.
    public init(from decoder: any Decoder) throws {
        self.init()
        let values = try decoder.container(keyedBy: CodingKeys.self)
        func read<Value: Decodable>(_ key: CodingKeys, _ fallback: Value) throws -> Value {
            try values.decodeIfPresent(Value.self, forKey: key) ?? fallback
        }
        epochs = try read(.epochs, epochs)
        batchSize = try read(.batchSize, batchSize)
        learningRate = try read(.learningRate, learningRate)
        optimizer = try read(.optimizer, optimizer)
        schedule = try read(.schedule, schedule)
        seed = try read(.seed, seed)
        augmentation = try read(.augmentation, augmentation)
        clipping = try values.decodeIfPresent(GradientClipping.self, forKey: .clipping)
        partSize = try read(.partSize, partSize)
        averaging = try read(.averaging, averaging)
        patience = try read(.patience, patience)
        seconds = try values.decodeIfPresent(Double.self, forKey: .seconds)
        labelSmoothing = try read(.labelSmoothing, labelSmoothing)
        keepsFixedValues = try read(.keepsFixedValues, keepsFixedValues)
        keepsBest = try read(.keepsBest, keepsBest)
        dropsLastBatch = try read(.dropsLastBatch, dropsLastBatch)
        checkpointSeconds = try read(.checkpointSeconds, checkpointSeconds)
    }
}
