"""Random networks of the structures that exporters write: branches, gates, shuffles, groups, shape arithmetic, reductions."""

import numpy as np
from onnx import ModelProto, TensorProto, checker, helper, numpy_helper, shape_inference


class Builder:
    """Nodes and weights of a network of channels-first images; channel counts are followed by hand, as exporters do."""

    def __init__(self, seed: int):
        self.random = np.random.default_rng(seed)
        self.nodes, self.weights, self.count = [], {}, 0

    def constant(self, values, kind=np.float32) -> str:
        name = f"c{len(self.weights)}"
        self.weights[name] = np.array(values, kind)
        return name

    def integers(self, *values) -> str:
        return self.constant(values, np.int64)

    def weight(self, *shape, scale=None) -> str:
        fan = np.prod(shape[1:]) if len(shape) > 1 else 4
        return self.constant(self.random.normal(size=shape) * (scale or 1 / np.sqrt(fan)))

    def add(self, operator: str, *inputs: str, outputs: int = 1, **attributes):
        self.count += 1
        names = [f"v{self.count}"] if outputs == 1 else [f"v{self.count}.{index}" for index in range(outputs)]
        self.nodes.append(helper.make_node(operator, inputs, names, name=f"{operator.lower()}{self.count}", **attributes))
        return names[0] if outputs == 1 else names

    def pick(self, *choices):
        return choices[self.random.integers(len(choices))]

    # Layers: each takes a value and its channels and gives the same of its result.

    def conv(self, x, channels, outputs=None, kernel=3, groups=1):
        outputs = outputs or int(self.pick(4, 6, 8, 12))
        inputs = [x, self.weight(outputs, channels // groups, kernel, kernel)]
        if self.random.random() < 0.6:
            inputs.append(self.weight(outputs))
        return self.add("Conv", *inputs, pads=[kernel // 2] * 4, group=groups), outputs

    def activation(self, x, channels):
        kind = self.pick("Relu", "Sigmoid", "HardSwish", "Tanh", "Softplus", "Exp", "Clip", "PRelu", "LeakyRelu")
        if kind == "Clip":
            return self.add("Clip", x, self.constant(self.pick(0.0, -1.0, 0.5)), self.constant(3.0)), channels
        if kind == "PRelu":
            return self.add("PRelu", x, self.weight(channels, 1, 1)), channels
        return self.add(kind, x), channels

    def normalization(self, x, channels):
        kind = self.pick("batch", "instance", "group", "spelled", "layer")
        if kind == "layer":
            rows = self.add("Transpose", x, perm=[0, 2, 3, 1])
            return self.add("Transpose", self.layer(rows, channels), perm=[0, 3, 1, 2]), channels
        scale, shift = self.constant(self.random.uniform(0.5, 1.5, channels)), self.weight(channels)
        if kind == "batch":
            mean, variance = self.weight(channels), self.constant(self.random.uniform(0.5, 2, channels))
            return self.add("BatchNormalization", x, scale, shift, mean, variance), channels
        if kind == "instance":
            return self.add("InstanceNormalization", x, scale, shift), channels
        if kind == "spelled":
            wide = [self.constant(self.random.uniform(0.5, 1.5, (channels, 1, 1))) for _ in range(2)]
            return self.add("Add", self.add(self.pick("Mul", "Div"), x, wide[0]), wide[1]), channels
        groups = 2
        flat = self.add("Reshape", x, self.integers(0, groups, -1))
        ones, zeros = self.constant(np.ones(groups)), self.constant(np.zeros(groups))
        normal = self.add("InstanceNormalization", flat, ones, zeros)
        back = self.add("Reshape", normal, self.add("Shape", x))
        return self.add("Mul", back, self.weight(channels, 1, 1)), channels

    def layer(self, rows, channels):
        """A normalization over the last axis, as an operator or spelled out."""
        scale, shift = self.constant(self.random.uniform(0.5, 1.5, channels)), self.weight(channels)
        kind = self.pick("operator", "mean and variance", "root mean square")
        if kind == "operator":
            return self.add("LayerNormalization", rows, scale, shift, axis=-1)
        centred = self.add("Sub", rows, self.add("ReduceMean", rows, self.integers(-1))) if kind == "mean and variance" else rows
        square = self.add("Mul", centred, centred) if self.random.random() < 0.5 else self.add("Pow", centred, self.constant(2))
        size = self.add("Sqrt", self.add("Add", self.add("ReduceMean", square, self.integers(-1)), self.constant(1e-5)))
        normal = self.add("Div", centred, size) if self.random.random() < 0.5 else self.add("Mul", centred, self.add("Reciprocal", size))
        return self.add("Add", self.add("Mul", normal, scale), shift)

    def recurrent(self, x, channels):
        """Places one after the other through a recurrent layer of one or two directions."""
        kind, gates = self.pick(("LSTM", 4), ("GRU", 3), ("RNN", 1))
        directions = int(self.pick(1, 2))
        width = 6
        flat = self.add("Reshape", x, self.integers(0, channels, -1))
        rows = self.add("Transpose", flat, perm=[2, 0, 1])
        weights = [self.weight(directions, gates * width, size, scale=0.3) for size in (channels, width)]
        inputs = [rows, *weights] + [self.weight(directions, 2 * gates * width)] * int(self.random.integers(2))
        state = self.pick("none", "constant of shape", "expand") if len(inputs) == 4 else "none"
        if state != "none":
            batch = self.add("Gather", self.add("Shape", x), self.integers(0))
            shape = self.add("Concat", self.integers(directions), batch, self.integers(width), axis=0)
            nothing = self.add("ConstantOfShape", shape) if state == "constant of shape" else self.add("Expand", self.constant(0.0), shape)
            inputs += ["", nothing]
        options = {"linear_before_reset": int(self.random.integers(2))} if kind == "GRU" else {}
        y = self.add(kind, *inputs, hidden_size=width, direction=["forward", "bidirectional"][directions - 1], **options)
        y = self.add("Reshape", self.add("Transpose", y, perm=[2, 0, 1, 3]), self.integers(0, 0, -1))
        y = self.add("Transpose", self.add("MatMul", y, self.weight(directions * width, channels)), perm=[0, 2, 1])
        return self.add("Add", x, self.add("Reshape", y, self.add("Shape", x))), channels

    def encoder(self, x, channels):
        """A transformer's block: attention and two products behind normalizations."""
        x, channels = self.attention(x, channels)
        rows = self.layer(self.add("Transpose", x, perm=[0, 2, 3, 1]), channels)
        wide = self.add("Relu", self.add("Add", self.add("MatMul", rows, self.weight(channels, 10)), self.weight(10)))
        if self.random.random() < 0.5:
            gate = self.add("MatMul", rows, self.weight(channels, 10))
            wide = self.add("Mul", wide, self.add("Sigmoid", gate))
        narrow = self.add("MatMul", wide, self.weight(10, channels))
        return self.add("Add", x, self.add("Transpose", narrow, perm=[0, 3, 1, 2])), channels

    def residual(self, x, channels):
        y, _ = self.conv(*self.activation(*self.conv(x, channels)), channels)
        return self.add(self.pick("Add", "Mul", "Max"), x, y), channels

    def branches(self, x, channels):
        parts = [self.activation(*self.conv(x, channels, kernel=1)) for _ in range(2)] + [(x, channels)] * int(self.random.integers(2))
        return self.add("Concat", *[part for part, _ in parts], axis=1), sum(width for _, width in parts)

    def gate(self, x, channels):
        x, width = self.conv(x, channels, 12)
        kind = self.pick("split", "halves", "slice")
        if kind == "split":
            a, b = self.add("Split", x, self.integers(6, 6), outputs=2, axis=1)
        elif kind == "halves":
            a, b = self.add("Split", x, outputs=2, axis=1, num_outputs=2)
        else:
            a = self.add("Slice", x, self.integers(0), self.integers(6), self.integers(1))
            b = self.add("Slice", x, self.integers(6), self.integers(self.pick(12, 2**62)), self.integers(1))
        return self.add("Mul", a, self.add("Sigmoid", b)), 6

    def squeeze(self, x, channels):
        mean = self.add("GlobalAveragePool", x) if self.random.random() < 0.5 else self.add("ReduceMean", x, self.integers(2, 3))
        y, width = self.activation(*self.conv(mean, channels, 4, 1))
        y, _ = self.conv(y, width, channels, 1)
        y = self.add(self.pick("Sigmoid", "HardSigmoid"), y)
        if self.random.random() < 0.3:
            y = self.add("Expand", y, self.add("Shape", x))
        return self.add("Mul", x, y), channels

    def depthwise(self, x, channels):
        return self.conv(x, channels, channels * int(self.pick(1, 2)), groups=channels)

    def grouped(self, x, channels):
        return self.conv(x, channels, 2 * channels, groups=2)

    def shuffle(self, x, channels):
        side = self.extents(x)
        split = self.add("Reshape", x, self.shape(x, 0, 2, channels // 2, *side))
        turned = self.add("Transpose", split, perm=[0, 2, 1, 3, 4])
        return self.add("Reshape", turned, self.shape(x, 0, channels, *side)), channels

    def selection(self, x, channels):
        """Channels in another order, some of them, some several times, by indices or by steps; the number stays even."""
        kind = self.pick("order", "choice", "repeated", "elements", "backwards", "every third")
        if kind == "order":
            return self.add("Gather", x, self.integers(*self.random.permutation(channels)), axis=1), channels
        if kind == "elements":
            indices = self.add("Expand", self.constant(self.random.permutation(channels).reshape(1, -1, 1, 1), np.int64), self.add("Shape", x))
            return self.add("GatherElements", x, indices, axis=1), channels
        if kind == "backwards":
            return self.add("Slice", x, self.integers(-1), self.integers(-(2**62)), self.integers(1), self.integers(-1)), channels
        if kind == "every third":
            x, _ = self.conv(x, channels, 10)
            return self.add("Slice", x, self.integers(1), self.integers(7), self.integers(1), self.integers(3)), 2
        chosen = self.random.choice(channels, channels // 2 // 2 * 2 or 2, replace=kind == "repeated")
        y = self.add("Gather", x, self.constant(chosen, self.pick(np.int64, np.int32)), axis=1)
        if len(chosen) == channels // 2 and self.random.random() < 0.5:
            rest = [index for index in range(channels) if index not in chosen][: len(chosen)]
            if len(rest) == len(chosen):
                y = self.add("Mul", y, self.add("Sigmoid", self.add("Gather", x, self.integers(*rest), axis=1)))
        return y, len(chosen)

    def sampling(self, x, channels):
        kind = self.pick("pool", "resize", "sizes", "transposed", "pixel")
        if kind == "pool":
            return self.add(self.pick("MaxPool", "AveragePool"), x, kernel_shape=[3, 3], pads=[1] * 4), channels
        if kind == "resize":
            up = self.add("Resize", x, "", self.constant([1, 1, 2, 2]), mode="nearest")
            return self.add("MaxPool", up, kernel_shape=[2, 2], strides=[2, 2]), channels
        if kind == "sizes":
            shape = self.add("Shape", x)
            head = self.add("Slice", shape, self.integers(0), self.integers(2))
            tail = self.add("Mul", self.add("Slice", shape, self.integers(2), self.integers(4)), self.integers(2))
            up = self.add("Resize", x, "", "", self.add("Concat", head, tail, axis=0), mode="nearest")
            return self.add("AveragePool", up, kernel_shape=[2, 2], strides=[2, 2]), channels
        if kind == "pixel":
            x, _ = self.conv(x, channels, 16)
            up = self.add("DepthToSpace", x, blocksize=2)
            return self.add("MaxPool", up, kernel_shape=[2, 2], strides=[2, 2]), 4
        up = self.add("ConvTranspose", x, self.weight(channels, 6, 2, 2), strides=[2, 2])
        return self.add("AveragePool", up, kernel_shape=[2, 2], strides=[2, 2]), 6

    def reduction(self, x, channels):
        """A map made of all channels gates them."""
        kind = self.pick("Sum", "Mean", "Max", "L2", "LogSumExp", "SumSquare")
        y = self.add(f"Reduce{kind}", x, self.integers(1))
        return self.add("Mul", x, self.add("Sigmoid", y)), channels

    def softmax(self, x, channels):
        return self.add("Softmax", x, axis=1), channels

    def attention(self, x, channels):
        """Channels look at each other over places, split into heads."""
        width, heads = 8, 2
        flat = self.add("Reshape", x, self.integers(0, channels, -1))
        rows = self.add("Transpose", flat, perm=[0, 2, 1])
        apart, together = self.integers(0, -1, heads, width // heads), self.integers(0, -1, width)
        parts = []
        for turn in ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]):
            y = self.add("MatMul", rows, self.weight(channels, width))
            if self.random.random() < 0.5:
                y = self.add("Add", y, self.weight(width))
            parts.append(self.add("Transpose", self.add("Reshape", y, apart), perm=turn))
        scores = self.add("Softmax", self.add("Mul", self.add("MatMul", parts[0], parts[1]), self.constant(0.5)), axis=-1)
        mixed = self.add("Transpose", self.add("MatMul", scores, parts[2]), perm=[0, 2, 1, 3])
        y = self.add("MatMul", self.add("Reshape", mixed, together), self.weight(width, channels))
        back = self.add("Reshape", self.add("Transpose", y, perm=[0, 2, 1]), self.add("Shape", x))
        return self.add("Add", x, back), channels

    def extents(self, x):
        """Height and width of the network's images, as numbers or read from the value."""
        return self.side if self.random.random() < 0.5 and self.isFixed else [(x, 2), (x, 3)]

    def shape(self, x, *extents) -> str:
        """A list for Reshape; what is read is put together by Shape, Gather and Concat."""
        if all(isinstance(extent, int) for extent in extents):
            return self.integers(*extents)
        parts = []
        for extent in extents:
            if isinstance(extent, int):
                parts.append(self.integers(extent))
            else:
                parts.append(self.add("Gather", self.add("Shape", extent[0]), self.integers(extent[1])))
        return self.add("Concat", *parts, axis=0)

    def head(self, x, channels):
        kind = self.pick("pool", "flatten", "reshape", "batch")
        if kind == "pool":
            x = self.add("Flatten", self.add("GlobalAveragePool", x))
            return self.add("Gemm", x, self.weight(5, channels), self.weight(5), transB=1)
        if not self.isFixed:
            x = self.add("Resize", x, "", "", self.add("Concat", self.sizes(x), self.integers(*self.side), axis=0), mode="nearest")
        width = channels * self.side[0] * self.side[1]
        if kind == "flatten":
            x = self.add("Flatten", x)
        elif kind == "reshape":
            x = self.add("Reshape", x, self.integers(*self.pick((-1, width), (0, width), (0, -1))))
        else:
            x = self.add("Reshape", x, self.shape(x, (x, 0), self.pick(-1, width)))
        return self.add("MatMul", x, self.weight(width, 5))

    def sizes(self, x):
        return self.add("Slice", self.add("Shape", x), self.integers(0), self.integers(2))


LAYERS = [
    "conv", "activation", "normalization", "residual", "branches", "gate", "squeeze", "depthwise", "grouped", "shuffle",
    "sampling", "reduction", "softmax", "attention", "encoder", "recurrent", "selection",
]  # fmt: skip


def network(seed: int, layers: int = 5) -> ModelProto:
    """A network of an even number of channels everywhere, from 6×8 images to five numbers; height and width may be open."""
    b = Builder(seed)
    b.isFixed, b.side = bool(b.random.random() < 0.5), [6, 8]
    x, channels = b.conv("image", 3)
    for _ in range(layers):
        kind = b.pick(*LAYERS)
        x, channels = getattr(b, kind)(x, channels)
        if b.random.random() < 0.5:
            x, channels = b.activation(x, channels)
    x, channels = b.conv(x, channels)
    y = b.head(x, channels)
    b.nodes[-1].output[0] = "y"
    batch = 3 if b.isFixed and b.random.random() < 0.3 else "N"
    side = b.side if b.isFixed else ["H", "W"]
    graph = helper.make_graph(
        b.nodes, f"random{seed}", [helper.make_tensor_value_info("image", TensorProto.FLOAT, [batch, 3, *side])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, 5])],
        [numpy_helper.from_array(value, name) for name, value in b.weights.items()],
    )  # fmt: skip
    assert y
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    checker.check_model(model)
    return shape_inference.infer_shapes(model) if b.random.random() < 0.3 else model
