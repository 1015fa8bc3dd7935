import WinnowGraph
extension Architecture {
    /// Caffe's LeNet-5: 20 and 50 filters of 5×5, 500 hidden units, 431,080 parameters, on 28×28.
    static let leNet5 = Architecture(name: "lenet-5", summary: "Caffe's LeNet: 20-50-500-10 on 28×28, 431,080 parameters") { network, _ in
        try network.input(["N", 1, 28, 28])
        try network.convolution("conv1", 1, 20, .init(size: 5))
        try network.maxPool(2)
        try network.convolution("conv2", 20, 50, .init(size: 5))
        try network.maxPool(2)
        try network.flatten()
        try network.linear("fc1", 800, 500)
        try network.relu()
        try network.linear("fc2", 500, 10)
    }

    /// 1-10-20 filters of 5×5, 320-50-10 with Dropout; 21,840 parameters.
    static let dropoutConvolutional = Architecture(
        name: "cnn-dropout", summary: "10 and 20 filters of 5×5, 320-50-10 with Dropout, 21,840 parameters"
    ) { network, _ in
        try network.input(["N", 1, 28, 28])
        try network.convolution("conv1", 1, 10, .init(size: 5))
        try network.maxPool(2)
        try network.relu()
        try network.convolution("conv2", 10, 20, .init(size: 5))
        try network.dropout(0.5)
        try network.maxPool(2)
        try network.relu()
        try network.flatten()
        try network.linear("fc1", 320, 50)
        try network.relu()
        try network.dropout(0.5)
        try network.linear("fc2", 50, 10)
    }

    /// ResNet-20 for small images (He et al. 2015, §4.2): three stages of three blocks, 16-32-64 channels.
    static let residual20 = Architecture(
        name: "resnet-20", summary: "ResNet-20 for small images: 16-32-64 channels, on 1×28×28"
    ) { network, _ in
        try network.input(["N", 1, 28, 28])
        try network.convolution("stem", 1, 16, .init(size: 3, padding: 1), bias: false)
        try network.batchNorm("stem.bn", 16)
        try network.relu()
        var channels = 16
        for (stage, width) in [16, 32, 64].enumerated() {
            for block in 0..<3 {
                try residualBlock(&network, "stage\(stage + 1).\(block + 1)", channels, width)
                channels = width
            }
        }
        try network.globalAveragePool()
        try network.flatten()
        try network.linear("fc", 64, 10)
    }

    /// Two 3×3 convolutions around a skip; a 1×1 convolution on the skip where the width changes.
    private static func residualBlock(
        _ network: inout NetworkBuilder, _ name: String, _ inputs: Int, _ outputs: Int
    ) throws {
        let start = network.x
        let stride = inputs == outputs ? 1 : 2
        let skip = inputs == outputs ? start : try network.branch(from: start) { skip in
            try skip.convolution("\(name).skip", inputs, outputs, .init(size: 1, stride: stride), bias: false)
            try skip.batchNorm("\(name).skip.bn", outputs)
        }
        try network.convolution("\(name).conv1", inputs, outputs, .init(size: 3, stride: stride, padding: 1), bias: false)
        try network.batchNorm("\(name).bn1", outputs)
        try network.relu()
        try network.convolution("\(name).conv2", outputs, outputs, .init(size: 3, padding: 1), bias: false)
        try network.batchNorm("\(name).bn2", outputs)
        try network.add(skip)
        try network.relu()
    }
}
