"""How a node of each operator is made at random: types by the operator set's schema, shapes by what the operator needs."""

import numpy as np
from onnx import TensorProto, helper

from random_graphs import FLOATS, INTEGERS, MICROSOFT, TABLES, TYPES, Graph, Refused, proto_type

GENERATORS = {}


def generates(*operators: str):
    """Registers a generator for operators; those of Microsoft's domain have its name before a slash."""

    def register(function):
        for operator in operators:
            GENERATORS[operator] = function
        return function

    return register


def fitting(g: Graph) -> list[str]:
    """The operators that the graph's operator set has."""

    def fits(name: str) -> bool:
        try:
            return MICROSOFT in name or name in ("SimplifiedLayerNormalization", "Scaler", "Normalizer") or not g.schema(name).deprecated
        except Refused:
            return False

    return [name for name in GENERATORS if fits(name)]


# Elementwise.

BOUNDS = {
    "Acos": (-1, 1), "Asin": (-1, 1), "Atanh": (-0.9, 0.9), "Acosh": (1, 6), "Log": (0.1, 9), "Sqrt": (0, 9), "Tan": (-1.2, 1.2),
    "Reciprocal": (0.2, 4), "Exp": (-6, 4), "Cosh": (-4, 4), "Sinh": (-4, 4),
}  # fmt: skip
RATES = {
    "Elu": ["alpha"], "Celu": ["alpha"], "HardSigmoid": ["alpha", "beta"], "LeakyRelu": ["alpha"], "Selu": ["alpha", "gamma"],
    "Shrink": ["bias", "lambd"], "Swish": ["alpha"], "ThresholdedRelu": ["alpha"],
}  # fmt: skip


@generates(
    "Abs", "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "BitwiseNot", "Ceil", "Celu", "Cos", "Cosh", "Elu", "Erf", "Exp",
    "Floor", "HardSigmoid", "HardSwish", "Identity", "IsNaN", "LeakyRelu", "Log", "Mish", "Neg", "Not", "Reciprocal", "Relu",
    "Round", "Selu", "Shrink", "Sigmoid", "Sign", "Sin", "Sinh", "Softplus", "Softsign", "Sqrt", "Swish", "Tan", "Tanh",
    "ThresholdedRelu", "NonZero", "Size",
)  # fmt: skip
def unary(g: Graph, operator: str):
    low, high = BOUNDS.get(operator, (None, None))
    # ONNX Runtime gives one row for a scalar, ONNX none.
    shape = g.shape(g.integer(1, 3)) if operator == "NonZero" else None
    rates = {name: g.pick(0.3, 0.5, 1.0, 1.7) for name in RATES.get(operator, []) if g.chance(0.5)}
    g.emit(operator, [g.value(g.type(operator), shape, low=low, high=high)], **rates)


@generates("IsInf")
def is_infinite(g: Graph, operator: str):
    values = g.numbers(g.type(operator), g.shape(g.integer(1, 3)))
    values[g.numbers("bool", values.shape)] = g.pick(np.inf, -np.inf)
    g.emit(operator, [g.leaf(values)], **({"detect_negative": g.integer(0, 1)} if g.chance(0.5) else {}))


@generates(
    "Add", "And", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Mul", "Or",
    "Sub", "Xor",
)  # fmt: skip
def binary(g: Graph, operator: str):
    a = g.value(g.type(operator))
    pair = [a, g.companion(a)]
    g.emit(operator, pair if g.chance(0.7) else pair[::-1])


@generates("Div", "Mod")
def division(g: Graph, operator: str):
    kind = g.type(operator)
    a = g.value(kind)
    divisors = g.numbers(kind, g.companion(a).shape, 1, 7)
    if kind[0] != "u" and g.chance(0.5):
        divisors = np.negative(divisors)
    b = g.leaf(divisors)
    isFloat = operator == "Mod" and (kind in FLOATS or g.chance(0.4))
    g.emit(operator, [a, b], **({"fmod": 1} if isFloat else {}))


@generates("Pow")
def power(g: Graph, operator: str):
    kind = g.type(operator)
    a = g.value(kind, low=1 if kind in INTEGERS else 0.1, high=4)
    other = g.pick(*(name for name in g.types(operator, 1) if name in TYPES)) if g.version > 12 else kind
    exponent = g.leaf(np.array(g.pick(1, 2, 3), other)) if g.chance(0.4) else g.companion(a, other, low=0, high=3)
    g.emit(operator, [a, exponent])


@generates("BitShift")
def shift(g: Graph, operator: str):
    a = g.value(g.type(operator))
    g.emit(operator, [a, g.companion(a, low=0, high=5)], direction=g.pick("LEFT", "RIGHT"))


@generates("Max", "Min", "Mean", "Sum")
def variadic(g: Graph, operator: str):
    a = g.value(g.type(operator))
    g.emit(operator, [a, *[g.companion(a) for _ in range(g.integer(0, 2))]])


@generates("PRelu")
def prelu(g: Graph, operator: str):
    a = g.value(g.type(operator))
    g.emit(operator, [a, g.companion(a)])


@generates("Where")
def where(g: Graph, operator: str):
    a = g.value(g.type(operator, 1))
    g.emit(operator, [g.companion(a, "bool"), a, g.companion(a)])


@generates("Clip")
def clip(g: Graph, operator: str):
    kind = g.type(operator)
    a = g.value(kind)
    low, high = (1, 4) if kind[0] == "u" else (-1, 2)
    if g.version < 11:
        return g.emit(operator, [a], min=float(low), max=float(high))
    bounds = [g.leaf(np.array(bound, kind)) if g.chance(0.7) else None for bound in (low, high)]
    return g.emit(operator, [a, *bounds])


def narrow(g: Graph):
    """To a type that NumPy does not have and back, in a branch, for values of it cannot be looked at."""
    a = g.value("float32", low=-6, high=6)
    tag, types = g.count, ["BFLOAT16"] + (["FLOAT8E4M3FN", "FLOAT8E5M2"] if g.version > 18 else []) + (["INT4", "UINT4"] if g.version > 20 else [])
    kind = getattr(TensorProto, g.pick(*types))
    names = [f"narrow.{tag}", f"wide.{tag}"]
    if g.version > 20 and kind in (TensorProto.INT4, TensorProto.UINT4) or g.version > 18 and kind == TensorProto.FLOAT8E4M3FN and g.chance(0.5):
        scale = g.leaf(np.array(g.pick(0.5, 0.3), "float32"), 1).name
        zero = helper.make_tensor("", kind, [], [0])
        nodes = [helper.make_node("Constant", [], [f"zero.{tag}"], value=zero), helper.make_node("QuantizeLinear", [a.name, scale, f"zero.{tag}"], names[:1]),
                 helper.make_node("DequantizeLinear", [names[0], scale, f"zero.{tag}"], names[1:])]  # fmt: skip
    else:
        nodes = [helper.make_node("Cast", [a.name], names[:1], to=kind), helper.make_node("Cast", names[:1], names[1:], to=TensorProto.FLOAT)]
    branch(g, nodes, names[1])


def branch(g: Graph, nodes: list, result: str, kind: int = TensorProto.FLOAT):
    """Nodes in both branches of an If, of which `result` comes out."""
    info = helper.make_empty_tensor_value_info(result)
    info.type.tensor_type.elem_type = kind
    bodies = {name: helper.make_graph(nodes, name, [], [info]) for name in ("then_branch", "else_branch")}
    g.emit("If", [g.leaf(np.array(True))], **bodies)
    g.operators += [("", inner.op_type) for inner in nodes]


@generates("Cast")
def cast(g: Graph, operator: str):
    if g.version > 12 and g.chance(0.25):
        return narrow(g)
    kind, target = g.type(operator), g.pick(*TYPES)
    bounds = (0, 100) if target[0] == "u" or kind[0] == "u" else (-100, 100)
    g.emit(operator, [g.value(kind, low=bounds[0], high=bounds[1])], to=proto_type(target))


@generates("CastLike")
def cast_like(g: Graph, operator: str):
    g.emit(operator, [g.value(g.type(operator), low=0, high=100), g.value(g.type(operator, 1))])


@generates("BitCast")
def bit_cast(g: Graph, operator: str):
    kind = g.type(operator)
    same = [name for name in TYPES if np.dtype(name).itemsize == np.dtype(kind).itemsize]
    g.emit(operator, [g.value(kind)], to=proto_type(g.pick(*same)))


@generates("Gelu")
def gelu(g: Graph, operator: str):
    g.emit(operator, [g.value(g.type(operator))], approximate=g.pick("none", "tanh"))


@generates("com.microsoft/Gelu", "com.microsoft/QuickGelu")
def contributed_gelu(g: Graph, operator: str):
    g.emit(operator, [g.value("float32")], domain=MICROSOFT)


@generates("com.microsoft/BiasGelu", "com.microsoft/FastGelu")
def biased_gelu(g: Graph, operator: str):
    a = g.value("float32", rank=g.integer(1, 4))
    bias = g.value("float32", [a.shape[-1]])
    g.emit(operator, [a, bias] if operator == "BiasGelu" or g.chance(0.5) else [a], domain=MICROSOFT)


@generates("SwiGLU")
def gated(g: Graph, operator: str):
    g.emit(operator, [g.value(g.type(operator), [None, 2 * g.integer(1, 3)])])


@generates("Dropout")
def dropout(g: Graph, operator: str):
    # What the mask of older sets holds at inference is not said.
    g.emit(operator, [g.value(g.type(operator))], outputs=g.pick(1, 2) if g.version > 11 else 1)


# Movement.


def axis_of(g: Graph, value, isPositive=False) -> int:
    rank = value.array.ndim
    if rank == 0:
        raise Refused("has no axis")
    return g.integer(0 if isPositive else -rank, rank - 1)


def some_axes(g: Graph, value) -> list[int]:
    rank = value.array.ndim
    chosen = [axis for axis in range(rank) if g.chance(0.5)]
    return [axis - rank if g.version > 10 and g.chance(0.3) else axis for axis in chosen]


def anything(g: Graph, operator: str, low: int = 1, high: int = 4, position: int = 0):
    return g.value(g.type(operator, position), rank=g.integer(low, high))


@generates("Transpose")
def transpose(g: Graph, operator: str):
    a = anything(g, operator, 0)
    order = g.random.permutation(a.array.ndim).tolist()
    g.emit(operator, [a], **({"perm": order} if order and g.chance(0.8) else {}))


@generates("Reshape")
def reshape(g: Graph, operator: str):
    a = anything(g, operator, 0)
    rest, extents = a.array.size, []
    while rest > 1 and len(extents) < 4:
        extents.append(g.pick(*[extent for extent in range(1, rest + 1) if rest % extent == 0]))
        rest //= extents[-1]
    extents += [rest] if rest != 1 else []
    if extents and g.chance(0.5):
        extents[g.integer(0, len(extents) - 1)] = -1
    for axis, extent in enumerate(extents):
        if axis < a.array.ndim and extent == a.shape[axis] and g.chance(0.3):
            extents[axis] = 0
    g.emit(operator, [a, g.setting(extents)])


@generates("Flatten")
def flatten(g: Graph, operator: str):
    a = anything(g, operator)
    g.emit(operator, [a], axis=g.integer(-a.array.ndim if g.version > 10 else 0, a.array.ndim))


@generates("Squeeze")
def squeeze(g: Graph, operator: str):
    kind = g.type(operator)
    shape = g.shape(g.integer(1, 4), high=2)
    a = g.value(kind, shape)
    ones = [axis - (len(shape) if g.version > 10 and g.chance(0.3) else 0) for axis, extent in enumerate(a.shape) if extent == 1]
    g.configured(operator, [a], {"axes": ones if ones and g.chance(0.7) else None})


@generates("Unsqueeze")
def unsqueeze(g: Graph, operator: str):
    a = anything(g, operator, 0, 3)
    rank = a.array.ndim + g.integer(1, 2)
    axes = sorted(g.random.permutation(rank)[: rank - a.array.ndim].tolist())
    g.configured(operator, [a], {"axes": [axis - rank if g.version > 10 and g.chance(0.3) else axis for axis in axes]})


@generates("Concat")
def concat(g: Graph, operator: str):
    a = anything(g, operator)
    axis = axis_of(g, a, g.version < 11)
    shape = [None if place == axis % a.array.ndim else extent for place, extent in enumerate(a.shape)]
    g.emit(operator, [a, *[g.value(a.type, shape) for _ in range(g.integer(0, 2))]], axis=axis)


@generates("Split")
def split(g: Graph, operator: str):
    a = anything(g, operator)
    axis = axis_of(g, a, g.version < 11)
    extent = a.shape[axis]
    count = g.integer(1, max(1, min(3, extent)))
    parts = [extent // count] * count
    parts[-1] += extent % count
    if extent % count == 0 and g.chance(0.4):
        g.emit(operator, [a], outputs=count, axis=axis, **({"num_outputs": count} if g.version > 17 else {}))
    elif g.version < 13:
        g.emit(operator, [a], outputs=count, axis=axis, split=parts)
    else:
        g.emit(operator, [a, g.setting(parts)], outputs=count, axis=axis)


@generates("Slice")
def slicing(g: Graph, operator: str):
    a = anything(g, operator)
    rank = a.array.ndim
    axes = g.random.permutation(rank)[: g.integer(1, rank)].tolist()
    steps = [g.pick(1, 1, 2, -1, -2) if g.version > 9 else 1 for _ in axes]
    ends = [g.pick(1, a.shape[axis] - 1, a.shape[axis], 2**31 - 1) if step > 0 else g.pick(-a.shape[axis] - 1, 0, -(2**31) + 1)
            for axis, step in zip(axes, steps)]  # fmt: skip
    starts = [g.pick(0, 0, 1, -a.shape[axis]) if step > 0 else g.pick(-1, a.shape[axis], a.shape[axis] - 1) for axis, step in zip(axes, steps)]
    if g.version < 10:
        return g.emit(operator, [a], starts=starts, ends=ends, axes=axes)
    kind = g.pick("int64", "int32")
    return g.emit(operator, [a, *[g.setting(values, kind) for values in (starts, ends, axes, steps)]])


@generates("Pad")
def pad(g: Graph, operator: str):
    a = anything(g, operator)
    mode = g.pick("constant", "constant", "reflect", "edge", *(["wrap"] if g.version > 18 else []))
    low = -1 if mode == "constant" else 0
    pads = [g.integer(low, 2) if mode != "reflect" else g.integer(0, max(0, extent - 1)) for extent in a.shape * 2]
    if g.version < 11:
        return g.emit(operator, [a], mode=mode, pads=pads, **({"value": 0.5} if g.chance(0.5) else {}))
    inputs = [a, g.setting(pads)]
    if mode == "constant" and g.chance(0.5):
        inputs.append(g.leaf(np.array(2, a.type)))
    return g.emit(operator, inputs, mode=mode)


@generates("Expand")
def expand(g: Graph, operator: str):
    a = anything(g, operator, 0)
    shape = [g.integer(1, 4) if extent == 1 else g.pick(1, extent) for extent in a.shape]
    g.emit(operator, [a, g.setting(([g.integer(1, 3)] if g.chance(0.3) else []) + shape)])


@generates("Tile")
def tile(g: Graph, operator: str):
    a = anything(g, operator)
    g.emit(operator, [a, g.setting([g.integer(1, 3) for _ in a.shape])])


@generates("DepthToSpace", "SpaceToDepth")
def blocks(g: Graph, operator: str):
    shape = [g.integer(1, 2), 4 * g.integer(1, 2), *g.shape(2)] if operator == "DepthToSpace" else [1, g.integer(1, 3), 2, 4]
    modes = {"mode": g.pick("DCR", "CRD")} if operator == "DepthToSpace" and g.version > 10 else {}
    g.emit(operator, [g.value(g.type(operator), shape)], blocksize=2, **modes)


@generates("Trilu")
def triangle(g: Graph, operator: str):
    a = anything(g, operator, 2)
    g.emit(operator, [a, *([g.leaf(np.array(g.integer(-2, 2)), weight=0.95)] if g.chance(0.6) else [])], upper=g.integer(0, 1))


@generates("Shape")
def shape_of(g: Graph, operator: str):
    bounds = {name: g.integer(-2, 3) for name in ("start", "end") if g.version > 14 and g.chance(0.4)}
    g.emit(operator, [anything(g, operator, 0)], **bounds)


@generates("ConstantOfShape")
def filled(g: Graph, operator: str):
    kind = g.pick(*TYPES)
    given = {"value": helper.make_tensor("", proto_type(kind), [1], [1 if kind == "bool" else 3])} if g.chance(0.8) else {}
    g.emit(operator, [g.setting(g.shape())], **given)


@generates("EyeLike")
def eye(g: Graph, operator: str):
    a = g.value(g.type(operator), rank=2)
    g.emit(operator, [a], k=g.integer(-2, 2), **({"dtype": proto_type(g.pick(*TYPES))} if g.chance(0.5) else {}))


@generates("Range")
def number_range(g: Graph, operator: str):
    kind = g.type(operator)
    step = g.pick(1, 2, 3) if g.chance(0.6) else -1
    numbers = (0, g.integer(1, 9), step) if step > 0 else (g.integer(1, 9), 0, step)
    g.emit(operator, [g.leaf(np.array(number, kind), weight=0.8) for number in numbers])


@generates("ReverseSequence")
def reverse(g: Graph, operator: str):
    a = anything(g, operator, 2)
    time = g.integer(0, 1)
    lengths = g.leaf(g.numbers("int64", [a.shape[1 - time]], 1, a.shape[time]))
    g.emit(operator, [a, lengths], time_axis=time, batch_axis=1 - time)


@generates("CenterCropPad")
def crop(g: Graph, operator: str):
    a = anything(g, operator)
    axes = [axis for axis in range(a.array.ndim) if g.chance(0.6)] or [0]
    g.emit(operator, [a, g.setting([g.integer(1, 6) for _ in axes])], axes=axes)


@generates("Col2Im")
def columns(g: Graph, operator: str):
    height, width, kernel = g.integer(3, 5), g.integer(3, 5), g.integer(1, 3)
    places = (height - kernel + 1) * (width - kernel + 1)
    a = g.value(g.type(operator), [g.integer(1, 2), kernel * kernel * g.integer(1, 2), places])
    g.emit(operator, [a, g.setting([height, width]), g.setting([kernel, kernel])])


# Indices.


def indices(g: Graph, shape, extent: int, isNegative=True):
    if extent == 0:
        shape = [0]
    low = -extent if isNegative and g.version > 10 else 0
    return g.leaf(g.numbers("int64", shape, low, max(low, extent - 1)).astype(g.pick("int64", "int32")))


@generates("Gather")
def gather(g: Graph, operator: str):
    a = anything(g, operator)
    axis = axis_of(g, a)
    g.emit(operator, [a, indices(g, g.shape(g.integer(0, 2)), a.shape[axis])], axis=axis)


@generates("GatherElements")
def gather_elements(g: Graph, operator: str):
    a = anything(g, operator)
    axis = axis_of(g, a)
    shape = [g.integer(1, 4) if place == axis % a.array.ndim else g.integer(1, extent) for place, extent in enumerate(a.shape)]
    g.emit(operator, [a, indices(g, shape, a.shape[axis])], axis=axis)


@generates("GatherND")
def gather_points(g: Graph, operator: str):
    a = anything(g, operator)
    depth = g.integer(1, a.array.ndim)
    batches = g.integer(0, depth - 1) if g.version > 11 else 0
    outer = [*a.shape[:batches], *g.shape(g.integer(0, 1))]
    depth -= batches
    points = [g.numbers("int64", outer, 0, a.shape[batches + axis] - 1) for axis in range(depth)]
    g.emit(operator, [a, g.leaf(np.stack(points, -1))], **({"batch_dims": batches} if batches else {}))


@generates("Scatter", "ScatterElements")
def scatter_elements(g: Graph, operator: str):
    a = anything(g, operator)
    axis = axis_of(g, a, isPositive=True)
    shape = [g.integer(1, extent) for extent in a.shape]
    order = np.argsort(g.random.random(a.shape), axis)[tuple(slice(extent) for extent in shape)]
    how = {"reduction": g.pick("none", "add", *(["mul"] if g.version > 15 else []), *(["max", "min"] if g.version > 17 else []))} if g.version > 15 else {}
    g.emit(operator, [a, g.leaf(order.astype(g.pick("int64", "int32"))), g.value(a.type, shape)], axis=axis, **how)


@generates("ScatterND")
def scatter_points(g: Graph, operator: str):
    a = anything(g, operator)
    depth = g.integer(1, a.array.ndim)
    total = int(np.prod(a.shape[:depth]))
    count = g.integer(1, total)
    places = np.stack(np.unravel_index(g.random.permutation(total)[:count], a.shape[:depth]), -1).astype("int64")
    how = {"reduction": g.pick("none", "add", "mul", *(["max", "min"] if g.version > 17 else []))} if g.version > 15 else {}
    g.emit(operator, [a, g.leaf(places), g.value(a.type, [count, *a.shape[depth:]])], **how)


@generates("TensorScatter")
def tensor_scatter(g: Graph, operator: str):
    kind, batch, length, width = g.type(operator), g.integer(1, 2), g.integer(4, 6), g.integer(1, 3)
    places = g.leaf(g.numbers("int64", [batch], 0, 2))
    g.emit(operator, [g.value(kind, [batch, length, width]), g.value(kind, [batch, 2, width]), places], axis=1, mode=g.pick("linear", "circular"))


@generates("OneHot")
def one_hot(g: Graph, operator: str):
    depth = g.integer(2, 5)
    a = g.leaf(g.numbers("int64", g.shape(g.integer(0, 3)), -depth, depth))
    kind = g.type(operator, 2)
    values = g.leaf(g.numbers(kind, [2]))
    g.emit(operator, [a, g.leaf(np.array(g.pick(depth, depth), "int64")), values], axis=g.integer(-1, 0))


@generates("Compress")
def compress(g: Graph, operator: str):
    a = anything(g, operator)
    axis = axis_of(g, a, g.version < 11)
    if g.chance(0.3):
        g.emit(operator, [a, g.leaf(g.numbers("bool", [g.integer(1, max(1, a.array.size))]))])
    else:
        g.emit(operator, [a, g.leaf(g.numbers("bool", [g.integer(1, a.shape[axis])]))], axis=axis)


@generates("TopK")
def top(g: Graph, operator: str):
    a = anything(g, operator)
    axis = axis_of(g, a, g.version < 11)
    count = g.integer(1, a.shape[axis])
    how = {"largest": g.integer(0, 1), "sorted": 1} if g.version > 10 else {}
    if g.version < 10:
        return g.emit(operator, [a], outputs=2, axis=axis, k=count)
    return g.emit(operator, [a, g.setting([count])], outputs=2, axis=axis, **how)


@generates("ArgMax", "ArgMin")
def arg(g: Graph, operator: str):
    a = anything(g, operator)
    how = {"select_last_index": g.integer(0, 1)} if g.version > 11 and g.chance(0.5) else {}
    g.emit(operator, [a], axis=axis_of(g, a, g.version < 11), keepdims=g.integer(0, 1), **how)


@generates("Unique")
def unique(g: Graph, operator: str):
    a = anything(g, operator)
    how = {"axis": axis_of(g, a)} if g.chance(0.5) else {}
    g.emit(operator, [a], outputs=g.pick(1, 4), sorted=g.integer(0, 1), **how)


@generates("CumSum", "CumProd")
def cumulative(g: Graph, operator: str):
    a = anything(g, operator)
    axis = g.leaf(np.array(axis_of(g, a), g.pick("int64", "int32")), weight=0.95)
    g.emit(operator, [a, axis], exclusive=g.integer(0, 1), reverse=g.integer(0, 1))


# Reductions and normalizations.


@generates(
    "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum",
    "ReduceSumSquare",
)  # fmt: skip
def reduction(g: Graph, operator: str):
    bounds = {"low": 0.1, "high": 4} if operator == "ReduceLogSum" else {}
    # ONNX Runtime cuts every exponential of integers, ONNX the result.
    kind = g.type(operator, among=FLOATS if "Log" in operator else TYPES)
    if operator == "ReduceProd" and kind in INTEGERS:
        bounds = {"low": 0 if kind[0] == "u" else -2, "high": 2}  # Products that do not fit are whatever they are.
    a = g.value(kind, rank=g.integer(0, 4), **bounds)
    axes = some_axes(g, a)
    how = {"noop_with_empty_axes": 1} if g.has(operator, "noop_with_empty_axes") and g.chance(0.2) else {}
    g.configured(operator, [a], {"axes": axes or None}, keepdims=g.integer(0, 1), **how)


@generates("Softmax", "LogSoftmax", "Hardmax")
def softmax(g: Graph, operator: str):
    a = anything(g, operator)
    g.emit(operator, [a], **({"axis": axis_of(g, a, g.version < 11)} if g.chance(0.8) else {}))


@generates("LpNormalization")
def lp_normalization(g: Graph, operator: str):
    a = anything(g, operator)
    g.emit(operator, [a], axis=axis_of(g, a), p=g.integer(1, 2))


@generates("MeanVarianceNormalization")
def mean_variance(g: Graph, operator: str):
    a = g.value(g.type(operator), rank=4)
    g.emit(operator, [a], **({"axes": g.pick([0, 2, 3], [2, 3], [1, 2, 3])} if g.chance(0.6) else {}))


@generates("BatchNormalization")
def batch_normalization(g: Graph, operator: str):
    a = anything(g, operator, 2)
    kinds = [g.value(a.type, [a.shape[1]]) for _ in range(3)]
    g.emit(operator, [a, *kinds, g.leaf(g.numbers(a.type, [a.shape[1]], 0.5, 2), weight=0.9)], epsilon=g.pick(1e-5, 1e-2))


@generates("InstanceNormalization")
def instance_normalization(g: Graph, operator: str):
    a = anything(g, operator, 3)
    g.emit(operator, [a, g.value(a.type, [a.shape[1]]), g.value(a.type, [a.shape[1]])])


@generates("GroupNormalization")
def group_normalization(g: Graph, operator: str):
    groups = g.integer(1, 3)
    a = g.value(g.type(operator), [None, groups * g.integer(1, 3), None, None])
    count = groups if g.version < 21 else a.shape[1]
    g.emit(operator, [a, g.value(a.type, [count]), g.value(a.type, [count])], num_groups=groups)


@generates("LayerNormalization", "RMSNormalization", "SimplifiedLayerNormalization")
def layer_normalization(g: Graph, operator: str):
    kind = "float32" if operator[0] == "S" else g.type(operator)
    a = g.value(kind, rank=g.integer(1, 4))
    axis = axis_of(g, a)
    shape = a.shape[axis:] if axis < 0 else a.shape[axis:]
    inputs = [a, g.value(a.type, shape)]
    if operator == "LayerNormalization" and g.chance(0.6):
        inputs.append(g.value(a.type, shape))
    g.emit(operator, inputs, axis=axis, epsilon=g.pick(1e-5, 1e-2))


@generates("LRN")
def local_response(g: Graph, operator: str):
    g.emit(operator, [anything(g, operator, 4)], size=g.pick(1, 3, 5), alpha=0.1, beta=0.75)


@generates("com.microsoft/SkipLayerNormalization", "com.microsoft/SkipSimplifiedLayerNormalization")
def skip_normalization(g: Graph, operator: str):
    a = g.value("float32", rank=3)
    width = [a.shape[-1]]
    inputs = [a, g.value("float32", a.shape), g.value("float32", width)]
    if "Simplified" not in operator:
        inputs.append(g.value("float32", width) if g.chance(0.5) else None)
    g.emit(operator, inputs, domain=MICROSOFT, epsilon=1e-3)


@generates("com.microsoft/EmbedLayerNormalization")
def embedding(g: Graph, operator: str):
    batch, length, width = g.integer(1, 2), g.integer(1, 4), 4 * g.integer(1, 2)
    ids = [g.leaf(g.numbers("int32", [batch, length], 0, 1)) for _ in range(2)]
    tables = [g.value("float32", [extent, width]) for extent in (4, length, 2)]
    scales = [g.value("float32", [width]) for _ in range(2)]
    g.emit(operator, [*ids, *tables, *scales, g.leaf(g.numbers("int32", [batch, length], 0, 1))], outputs=2, domain=MICROSOFT, epsilon=1e-3)


@generates("Scaler", "Normalizer")
def rows(g: Graph, operator: str):
    a = g.value(g.pick("float32", "int64"), rank=2)
    width = a.shape[1]
    if operator == "Normalizer":
        return g.emit(operator, [a], domain=TABLES, norm=g.pick("MAX", "L1", "L2"))
    length = g.pick(1, width)
    numbers = [[float(number) for number in g.numbers("float32", [length])] for _ in range(2)]
    g.emit(operator, [a], domain=TABLES, offset=numbers[0], scale=numbers[1])


# Contractions.


@generates("MatMul")
def matmul(g: Graph, operator: str):
    a = g.value(g.type(operator), rank=g.integer(1, 4))
    inner = a.shape[-1]
    if g.chance(0.2):
        return g.emit(operator, [a, g.value(a.type, [inner])])
    outer = [extent if g.chance(0.7) else 1 for extent in a.shape[:-2]][g.integer(0, max(0, len(a.shape) - 2)) :]
    return g.emit(operator, [a, g.value(a.type, [*outer, inner, None])])


@generates("com.microsoft/FusedMatMul")
def fused_matmul(g: Graph, operator: str):
    a = g.value("float32", rank=g.integer(2, 3))
    turns = [g.integer(0, 1), g.integer(0, 1)]
    inner = a.shape[-2 if turns[0] else -1]
    shape = [*a.shape[:-2], *([None, inner] if turns[1] else [inner, None])]
    g.emit(operator, [a, g.value("float32", shape)], domain=MICROSOFT, transA=turns[0], transB=turns[1], alpha=g.pick(1.0, 0.5))


def gemm_inputs(g: Graph, kind: str, turns, hasC: bool):
    a = g.value(kind, rank=2)
    rows, inner = a.shape[::-1] if turns[0] else a.shape
    b = g.value(kind, [None, inner] if turns[1] else [inner, None])
    columns = b.shape[0 if turns[1] else 1]
    shape = g.pick([rows, columns], [columns], [1, columns], [rows, 1], [1], [])
    return [a, b, *([g.value(kind, shape)] if hasC else [])]


@generates("Gemm", "com.microsoft/FusedGemm")
def gemm(g: Graph, operator: str):
    turns = [g.integer(0, 1), g.integer(0, 1)]
    isFused = operator == "FusedGemm"
    inputs = gemm_inputs(g, "float32" if isFused else g.type(operator), turns, g.version < 11 or g.chance(0.8))
    how = {"domain": MICROSOFT, "activation": g.pick("Relu", "LeakyRelu", "Tanh", "Sigmoid")} if isFused else {}
    g.emit(operator, inputs, transA=turns[0], transB=turns[1], alpha=g.pick(1.0, 0.7), beta=g.pick(1.0, 0.3, 2.0), **how)


@generates("Einsum")
def einsum(g: Graph, operator: str):
    text = g.pick("ij,jk->ik", "bij,bjk->bik", "ij->ji", "bij,bkj->bik", "i,j->ij", "bhid,bhjd->bhij", "ij,ij->", "ii->i", "bij->b", "...ij,...jk->...ik")
    extents = {letter: g.integer(1, 4) for letter in "bhidjk"}
    terms = text.split("->")[0].split(",")
    kind = g.type(operator, among=FLOATS + ["int64", "int32"])
    values = [g.value(kind, [extents[letter] for letter in term.replace("...", "bh")]) for term in terms]
    g.emit(operator, values, equation=text)


@generates("Det")
def determinant(g: Graph, operator: str):
    extent = g.integer(1, 4)
    g.emit(operator, [g.value(g.type(operator), [*g.shape(g.integer(0, 2)), extent, extent])])


def window(g: Graph, spatial: int, hasDilations=True, auto=True) -> dict:
    how = {"kernel_shape": [g.integer(1, 3) for _ in range(spatial)]}
    if g.chance(0.5):
        how["strides"] = [g.integer(1, 2) for _ in range(spatial)]
    if hasDilations and g.chance(0.3):
        how["dilations"] = [g.integer(1, 2) for _ in range(spatial)]
    # ONNX Runtime's pooling forgets dilations in automatic padding.
    if auto and "dilations" not in how and g.chance(0.3):
        how["auto_pad"] = g.pick("SAME_UPPER", "SAME_LOWER", "VALID")
    elif g.chance(0.6):
        how["pads"] = [g.integer(0, extent // 2) for extent in how["kernel_shape"] * 2]
    return how


def images(g: Graph, kind: str, channels: int, spatial: int):
    return g.value(kind, [g.integer(1, 2), channels, *[g.integer(5, 7) for _ in range(spatial)]])


@generates("Conv", "com.microsoft/FusedConv")
def convolution(g: Graph, operator: str):
    isFused = operator == "FusedConv"
    spatial, groups = g.pick(1, 2, 2, 2, 3), g.pick(1, 1, 2, 3)
    kind, width = "float32" if isFused else g.type(operator), g.integer(1, 2)
    x = images(g, kind, groups * width, spatial)
    how = window(g, spatial)
    outputs = groups * g.integer(1, 3)
    inputs = [x, g.value(kind, [outputs, width, *how["kernel_shape"]], weight=0.85)]
    if g.chance(0.5):
        inputs.append(g.value(kind, [outputs], weight=0.85))
    extra = {"domain": MICROSOFT, "activation": g.pick("Relu", "Tanh", "Sigmoid")} if isFused else {}
    g.emit(operator, inputs, group=groups, **how, **extra)


@generates("ConvTranspose")
def transposed_convolution(g: Graph, operator: str):
    spatial, groups = g.pick(1, 2, 2, 3), g.pick(1, 1, 2)
    kind, width = g.type(operator), g.integer(1, 2)
    x = images(g, kind, groups * width, spatial)
    how = window(g, spatial, auto=False)
    if "strides" in how and g.chance(0.4):
        how["output_padding"] = [g.integer(0, stride - 1) for stride in how["strides"]]
    outputs = g.integer(1, 3)
    inputs = [x, g.value(kind, [groups * width, outputs, *how["kernel_shape"]], weight=0.85)]
    if g.chance(0.5):
        inputs.append(g.value(kind, [groups * outputs], weight=0.85))
    g.emit(operator, inputs, group=groups, **how)


@generates("DeformConv")
def deformable(g: Graph, operator: str):
    kind = g.type(operator)
    x = images(g, kind, 2, 2)
    height, width = x.shape[2] - 1, x.shape[3] - 1
    inputs = [x, g.value(kind, [3, 2, 2, 2]), g.value(kind, [x.shape[0], 8, height, width], low=-0.4, high=0.4)]
    if g.chance(0.5):
        inputs += [g.value(kind, [3]) if g.chance(0.5) else None, g.value(kind, [x.shape[0], 4, height, width])]
    g.emit(operator, inputs, kernel_shape=[2, 2])


@generates("CausalConvWithState")
def causal(g: Graph, operator: str):
    kind, channels, kernel = g.type(operator), g.integer(1, 3), g.integer(2, 3)
    g.emit(operator, [g.value(kind, [g.integer(1, 2), channels, 5]), g.value(kind, [channels, 1, kernel])], outputs=2)


# Pooling.


@generates("MaxPool", "AveragePool", "LpPool")
def pool(g: Graph, operator: str):
    spatial = g.pick(1, 2, 2, 3)
    how = window(g, spatial, hasDilations=g.has(operator, "dilations"))
    if g.has(operator, "ceil_mode") and g.chance(0.4):
        how["ceil_mode"] = 1
    if operator == "AveragePool" and g.version > 6 and g.chance(0.5):
        how["count_include_pad"] = 1
    if operator == "LpPool":
        how["p"] = g.integer(1, 3)
    outputs = 2 if operator == "MaxPool" and g.version > 7 and g.chance(0.3) else 1
    g.emit(operator, [images(g, g.type(operator), g.integer(1, 3), spatial)], outputs=outputs, **how)


@generates("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool")
def global_pool(g: Graph, operator: str):
    g.emit(operator, [anything(g, operator, 3)])


@generates("MaxUnpool")
def unpool(g: Graph, operator: str):
    x = g.value("float32", [1, g.integer(1, 2), 2 * g.integer(1, 3), 4])
    pooled, places = g.emit("MaxPool", [x], outputs=2, kernel_shape=[2, 2], strides=[2, 2])
    g.emit(operator, [pooled, places], kernel_shape=[2, 2], strides=[2, 2])


@generates("RoiAlign")
def roi_align(g: Graph, operator: str):
    kind, count = g.type(operator), g.integer(1, 3)
    x = images(g, kind, g.integer(1, 2), 2)
    corners = np.sort(g.numbers(kind, [count, 2, 2], 0, 6), 1).reshape(count, 4)
    batches = g.leaf(g.numbers("int64", [count], 0, x.shape[0] - 1))
    how = {"coordinate_transformation_mode": g.pick("half_pixel", "output_half_pixel")} if g.version > 15 else {}
    sampling = {"sampling_ratio": g.integer(0, 2), "spatial_scale": g.pick(1.0, 0.5), "mode": g.pick("avg", "max")}
    g.emit(operator, [x, g.leaf(corners), batches], output_height=g.integer(1, 3), output_width=g.integer(1, 3), **sampling, **how)


@generates("MaxRoiPool")
def roi_pool(g: Graph, operator: str):
    kind, count = g.type(operator), g.integer(1, 3)
    x = images(g, kind, g.integer(1, 2), 2)
    corners = np.sort(g.numbers("int64", [count, 2, 2], 0, 6), 1).reshape(count, 4)
    rois = np.concatenate([g.numbers("int64", [count, 1], 0, x.shape[0] - 1), corners], 1).astype(kind)
    g.emit(operator, [x, g.leaf(rois)], pooled_shape=[g.integer(1, 3), g.integer(1, 3)])


# Sampling.


@generates("Resize", "Upsample")
def resize(g: Graph, operator: str):
    rank = g.pick(2, 3, 4, 4, 5)
    a = g.value(g.type(operator), [g.integer(1, 2), g.integer(1, 2), 3, 4, 5][-rank:] if rank > 3 else g.shape(rank))
    spatial = rank if rank < 4 else rank - 2
    mode = g.pick("nearest", "linear", *(["cubic"] if g.version > 10 and spatial == 2 else []))
    factors = [1.0] * (rank - spatial) + [g.pick(2.0, 1.5, 3.0, *([] if operator == "Upsample" else [0.5, 0.7])) for _ in range(spatial)]
    if operator == "Upsample":
        if g.version < 9:
            return g.emit(operator, [a], mode=mode, scales=factors)
        return g.emit(operator, [a, g.setting(factors, "float32")], mode=mode)
    if g.version < 11:
        return g.emit(operator, [a, g.setting(factors, "float32")], mode=mode)
    how = {"mode": mode, "coordinate_transformation_mode": g.pick("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel", *(["half_pixel_symmetric"] if g.version > 18 else []))}
    if mode == "nearest":
        how["nearest_mode"] = g.pick("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
    if mode == "cubic" and g.chance(0.4):
        how["exclude_outside"] = 1
    isWhole = a.type in INTEGERS
    # ONNX Runtime rounds whole numbers between axes when it filters, and gives 0 for int8.
    if g.version > 17 and mode != "nearest" and not isWhole and g.chance(0.3):
        how["antialias"] = 1
    # Numbers between two whole ones are cut, and roundings decide where they lie on one.
    isRounded = isWhole and mode != "nearest"
    region = None if g.version > 12 else g.setting([], "float32")
    if g.chance(0.5):
        return g.emit(operator, [a, region, g.setting(factors, "float32")], isRounded=isRounded, **how)
    sizes = [max(1, int(extent * factor)) for extent, factor in zip(a.shape, factors)]
    scales = None if g.version > 12 else g.setting([], "float32")
    return g.emit(operator, [a, region, scales, g.setting(sizes)], isRounded=isRounded, **how)


@generates("GridSample")
def grid_sample(g: Graph, operator: str):
    kind = g.type(operator)
    x = images(g, kind, g.integer(1, 2), 2)
    grid = g.value(g.type(operator, 1, among=[kind]), [x.shape[0], g.integer(1, 4), g.integer(1, 4), 2], low=-1.3, high=1.3)
    modes = ("bilinear", "nearest", "bicubic") if g.version < 20 else ("linear", "nearest", "cubic")
    g.emit(operator, [x, grid], mode=g.pick(*modes), padding_mode=g.pick("zeros", "border", "reflection"), align_corners=g.integer(0, 1))


@generates("AffineGrid")
def affine_grid(g: Graph, operator: str):
    spatial, batch, aligns = g.integer(2, 3), g.integer(1, 2), g.integer(0, 1)
    theta = g.value(g.type(operator), [batch, spatial, spatial + 1])
    # Where the corners of a single element lie is 1 in ONNX Runtime, -1 in ONNX's reference and 0 in PyTorch.
    g.emit(operator, [theta, g.setting([batch, 1, *[g.integer(1 + aligns, 4) for _ in range(spatial)]])], align_corners=aligns)


# Signals.


@generates("BlackmanWindow", "HammingWindow", "HannWindow")
def signal_window(g: Graph, operator: str):
    how = {"output_datatype": proto_type(g.pick("float32", "float64", "int32"))} if g.chance(0.3) else {}
    # A symmetric window of one element divides by 0, one of two is 0 but for roundings.
    g.emit(operator, [g.leaf(np.array(g.integer(3, 9), g.pick("int64", "int32")))], periodic=g.integer(0, 1), **how)


@generates("DFT")
def fourier(g: Graph, operator: str):
    isOneSided, isInverse = g.integer(0, 1), g.integer(0, 1)
    a = g.value(g.type(operator), [g.integer(1, 2), g.integer(2, 6), 1 if isOneSided else g.integer(1, 2)])
    length = g.leaf(np.array(g.integer(2, 8)), weight=0.95) if g.chance(0.4) else None
    how = {"axis": 1} if g.version < 20 else {}
    inputs = [a, length] if g.version < 20 else [a, length, g.leaf(np.array(1), weight=0.95)]
    g.emit(operator, inputs if any(inputs[1:]) else inputs[:1], onesided=isOneSided, inverse=0 if isOneSided else isInverse, **how)


@generates("STFT")
def short_fourier(g: Graph, operator: str):
    kind, length = g.type(operator), g.integer(3, 6)
    inputs = [g.value(kind, [g.integer(1, 2), 12, 1]), g.leaf(np.array(g.integer(1, 3)), weight=0.95)]
    if g.chance(0.5):
        inputs += [g.leaf(g.numbers(kind, [length], 0.1, 1), weight=0.9)]
    else:
        inputs += [None, g.leaf(np.array(length), weight=0.95)]
    g.emit(operator, inputs, onesided=g.integer(0, 1))


@generates("MelWeightMatrix")
def mel(g: Graph, operator: str):
    numbers = [g.leaf(np.array(number, "int64")) for number in (g.integer(2, 5), 16, 8192)]
    g.emit(operator, [*numbers, g.leaf(np.array(0, "float32")), g.leaf(np.array(4096, "float32"))])


# Recurrent and attention.


@generates("RNN", "GRU", "LSTM")
def recurrent(g: Graph, operator: str):
    gates = {"RNN": 1, "GRU": 3, "LSTM": 4}[operator]
    length, batch, width, hidden = g.integer(1, 4), g.integer(1, 3), g.integer(1, 4), g.integer(1, 3)
    direction = g.pick("forward", "reverse", "bidirectional")
    count = 2 if direction == "bidirectional" else 1
    kind = g.type(operator, among=["float32"])
    inputs = [g.value(kind, [length, batch, width]), g.value(kind, [count, gates * hidden, width]), g.value(kind, [count, gates * hidden, hidden])]
    inputs.append(g.value(kind, [count, 2 * gates * hidden]) if g.chance(0.6) else None)
    inputs.append(g.leaf(g.numbers("int32", [batch], 1, length)) if g.chance(0.4) else None)
    inputs.append(g.value(kind, [count, batch, hidden]) if g.chance(0.4) else None)
    how = {"direction": direction, "hidden_size": hidden}
    if operator == "GRU":
        how["linear_before_reset"] = g.integer(0, 1)
    if operator == "LSTM":
        inputs.append(g.value(kind, [count, batch, hidden]) if g.chance(0.4) else None)
        inputs.append(g.value(kind, [count, 3 * hidden]) if g.chance(0.3) else None)
    if g.chance(0.2):
        how["clip"] = 1.0
    g.emit(operator, inputs, outputs=3 if operator == "LSTM" else 2, **how)


@generates("com.microsoft/DynamicQuantizeLSTM")
def quantized_lstm(g: Graph, operator: str):
    length, batch, width, hidden = g.integer(1, 3), g.integer(1, 2), g.integer(2, 4), g.integer(1, 3)
    weights = [g.leaf(g.numbers("int8", [1, extent, 4 * hidden]), 1) for extent in (width, hidden)]
    scales = [[g.leaf(np.array([0.03], "float32"), 1), g.leaf(np.array([0], "int8"), 1)] for _ in range(2)]
    inputs = [g.value("float32", [length, batch, width]), *weights, g.value("float32", [1, 8 * hidden], weight=1), None, None, None, None]
    g.emit(operator, [*inputs, *scales[0], *scales[1]], outputs=3, domain=MICROSOFT, hidden_size=hidden)


@generates("Attention")
def attention(g: Graph, operator: str):
    kind, batch, heads, width = g.type(operator), g.integer(1, 2), g.integer(1, 2), g.integer(1, 4)
    lengths = [g.integer(1, 4), g.integer(1, 4)]
    if g.chance(0.5):
        shapes = [[batch, heads, lengths[place], width] for place in (0, 1, 1)]
        how = {}
    else:
        shapes = [[batch, lengths[place], heads * width] for place in (0, 1, 1)]
        how = {"q_num_heads": heads, "kv_num_heads": heads}
    inputs = [g.value(kind, shape) for shape in shapes]
    if g.chance(0.4):
        inputs.append(g.value(g.pick(kind, "bool"), g.pick(lengths, [batch, heads, *lengths], [1, 1, *lengths])))
    if g.chance(0.3):
        how["is_causal"] = 1
    if g.chance(0.2):
        how["softcap"] = 2.0
    if g.chance(0.3):
        how["scale"] = 0.4
    g.emit(operator, inputs, **how)


def attention_mask(g: Graph, batch: int, length: int, keys: int):
    """How many keys each sample sees, the first of them too, or a number above 0 for each key that is seen."""
    form = g.integer(0, 3)
    if form < 2:
        ends = g.numbers("int32", [batch], 1, keys)
        return g.leaf(ends if form == 0 else np.concatenate([ends, np.zeros(batch, "int32")]))
    mask = g.numbers("int32", [batch, keys] if form == 2 else [batch, length, keys], 0, 1)
    mask[..., 0] = 1
    return g.leaf(mask)


@generates("com.microsoft/Attention")
def contributed_attention(g: Graph, operator: str):
    batch, heads, length, width = g.integer(1, 2), g.integer(1, 2), g.integer(1, 4), g.integer(1, 3)
    past = g.integer(0, 2)
    x = g.value("float32", [batch, length, None])
    weights = [g.leaf(g.numbers("float32", shape, -1, 1), weight=1) for shape in ([x.shape[-1], 3 * heads * width], [3 * heads * width])]
    inputs = [x, *weights, attention_mask(g, batch, length, length + past) if g.chance(0.6) else None]
    inputs.append(g.value("float32", [2, batch, heads, past, width]) if past else None)
    inputs.append(g.value("float32", [g.pick(1, batch), heads, length, length + past]) if g.chance(0.3) else None)
    how = {"scale": 0.4} if g.chance(0.3) else {}
    g.emit(operator, inputs, outputs=2 if past else 1, domain=MICROSOFT, num_heads=heads, unidirectional=g.integer(0, 1), **how)


@generates("com.microsoft/QAttention")
def integer_attention(g: Graph, operator: str):
    batch, heads, length, width, extent = g.integer(1, 2), g.integer(1, 2), g.integer(1, 4), g.integer(1, 3), g.integer(1, 4)
    kind, columns = g.pick("uint8", "int8"), 3 * heads * width
    x, weights = codes(g, "uint8", [batch, length, extent]), codes(g, kind, [extent, columns], 1)
    (scale, zero), (other, place) = affine(g, "uint8"), affine(g, kind)
    mask = g.leaf(g.numbers("int32", [batch], 1, length)) if g.chance(0.4) else None
    inputs = [x, weights, g.value("float32", [columns]), scale, other, mask, zero, place]
    g.emit(operator, inputs, domain=MICROSOFT, num_heads=heads, unidirectional=g.integer(0, 1))


@generates("com.microsoft/MultiHeadAttention")
def multi_head_attention(g: Graph, operator: str):
    batch, heads, width = g.integer(1, 2), g.integer(1, 2), g.integer(1, 3)
    lengths, past = [g.integer(1, 4), g.integer(1, 4)], g.chance(0.3) * g.integer(1, 2)
    inputs = [g.value("float32", [batch, lengths[place], heads * width]) for place in (0, 1, 1)]
    inputs.append(g.value("float32", [3 * heads * width]) if g.chance(0.4) else None)
    keys = lengths[1] + past
    inputs.append(g.leaf(g.numbers("int32", [batch, keys], 0, 1) | (np.arange(keys) == 0).astype("int32")) if g.chance(0.4) else None)
    inputs.append(g.value("float32", [g.pick(1, batch), heads, lengths[0], keys]) if g.chance(0.3) else None)
    inputs += [g.value("float32", [batch, heads, past, width]) for _ in range(2)] if past else []
    how = {"scale": 0.4} if g.chance(0.3) else {}
    g.emit(operator, inputs, outputs=3 if past else 1, domain=MICROSOFT, num_heads=heads, **how)


@generates("com.microsoft/GroupQueryAttention")
def grouped_attention(g: Graph, operator: str):
    length, past, width = g.integer(1, 4), g.chance(0.5) * g.integer(1, 3), 16
    batch = g.integer(1, 2) if past == 0 or length == 1 else 1
    shared, total = g.integer(1, 2), past + length
    heads = shared * g.integer(1, 2)
    inputs = [g.value("float32", [batch, length, count * width]) for count in (heads, shared, shared)]
    inputs += [g.value("float32", [batch, shared, past, width]) for _ in range(2)] if past else [None, None]
    inputs += [g.leaf(np.full([batch], total - 1, "int32")), g.leaf(np.array(total, "int32"))]
    how = {"scale": 0.4} if g.chance(0.3) else {}
    if g.chance(0.3):
        how["local_window_size"] = g.integer(1, 3)
    if g.chance(0.3):
        how["softcap"] = 2.0
    if g.chance(0.5):
        inputs += [g.value("float32", [8, width // 2]) for _ in range(2)]
        how.update(do_rotary=1, rotary_interleaved=g.integer(0, 1))
    g.emit(operator, inputs, outputs=3, domain=MICROSOFT, num_heads=heads, kv_num_heads=shared, **how)


@generates("LinearAttention")
def linear_attention(g: Graph, operator: str):
    kind, shape = g.type(operator), [1, g.integer(1, 4), 4]
    g.emit(operator, [g.value(kind, shape) for _ in range(3)], outputs=2, q_num_heads=2, kv_num_heads=2, update_rule="linear")


@generates("RotaryEmbedding", "com.microsoft/RotaryEmbedding")
def rotary(g: Graph, operator: str):
    isOld = g.version < 23 or g.chance(0.3)
    kind = "float32" if isOld else g.type(operator)
    batch, heads, length, width = g.integer(1, 2), g.integer(1, 2), g.integer(1, 3), 2 * g.integer(1, 3)
    x = g.value(kind, [batch, heads, length, width])
    caches = [g.value(kind, [5, width // 2]) for _ in range(2)]
    places = g.leaf(g.numbers("int64", [batch, length], 0, 4))
    how = {"interleaved": g.integer(0, 1)}
    if isOld:
        g.emit(operator, [x, places, *caches], domain=MICROSOFT, **how)
    else:
        g.emit(operator, [x, *caches, places], **how)


# Detection and texts.


@generates("NonMaxSuppression")
def suppression(g: Graph, operator: str):
    batch, count, classes = g.integer(1, 2), g.integer(1, 6), g.integer(1, 2)
    boxes = np.sort(g.numbers("float32", [batch, count, 2, 2], 0, 1), 2).reshape(batch, count, 4)
    scores = g.leaf(g.numbers("float32", [batch, classes, count], 0, 1))
    settings = [g.leaf(np.array([g.integer(1, 4)], "int64")), g.leaf(np.array([0.3], "float32")), g.leaf(np.array([0.2], "float32"))]
    g.emit(operator, [g.leaf(boxes), scores, *settings[: g.integer(1, 3)]], center_point_box=g.integer(0, 1))


@generates("TfIdfVectorizer")
def grams(g: Graph, operator: str):
    a = g.leaf(g.numbers(g.pick("int32", "int64"), g.shape(g.integer(1, 2), high=9), 1, 4))
    pool = {"ngram_counts": [0, 3], "ngram_indexes": [0, 1, 2, 3, 4], "pool_int64s": [1, 2, 3, 1, 2, 3, 4]}
    lengths = {"min_gram_length": g.integer(1, 2), "max_gram_length": 2, "max_skip_count": g.integer(0, 2)}
    g.emit(operator, [a], mode=g.pick("TF", "IDF", "TFIDF"), **pool, **lengths)


# Losses.


@generates("NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss")
def loss(g: Graph, operator: str):
    kind, batch, classes = g.type(operator), g.integer(1, 4), g.integer(2, 4)
    rest = list(g.shape(g.integer(0, 2), high=3))
    inputs = [g.value(kind, [batch, classes, *rest]), g.leaf(g.numbers("int64", [batch, *rest], 0, classes - 1))]
    if g.chance(0.4):
        inputs.append(g.leaf(g.numbers(kind, [classes], 0.2, 2)))
    how = {"ignore_index": 1} if g.chance(0.3) else {}
    g.emit(operator, inputs, reduction=g.pick("none", "mean", "sum"), **how)


# Control flow and lists.


@generates("If")
def condition(g: Graph, operator: str):
    a = g.value("float32", rank=g.integer(0, 3))
    branches = {}
    for name in ("then_branch", "else_branch"):
        node = helper.make_node(g.pick("Relu", "Neg", "Tanh", "Abs"), [a.name], [f"{name}.{g.count}"])
        info = helper.make_tensor_value_info(node.output[0], 1, [None] * a.array.ndim)
        branches[name] = helper.make_graph([node], name, [], [info])
    g.emit(operator, [g.leaf(np.array(g.chance(0.5)))], **branches)


@generates("Loop")
def loop(g: Graph, operator: str):
    a = g.value("float32", rank=g.integer(0, 2))
    tag = g.count
    info = [helper.make_tensor_value_info(f"{name}.{tag}", kind, shape) for name, kind, shape in
            (("i", 7, []), ("go", 9, []), ("x", 1, list(a.shape)), ("y", 1, list(a.shape)), ("z", 1, list(a.shape)), ("on", 9, []))]  # fmt: skip
    nodes = [
        helper.make_node("Identity", [info[1].name], [info[5].name]), helper.make_node("Tanh", [info[2].name], [info[3].name]),
        helper.make_node("Neg", [info[3].name], [info[4].name]),
    ]  # fmt: skip
    body = helper.make_graph(nodes, "body", info[:3], [info[5], info[3], info[4]])
    g.emit(operator, [g.leaf(np.array(g.integer(1, 3))), g.leaf(np.array(True)), a], outputs=2, body=body)


@generates("Scan")
def scan(g: Graph, operator: str):
    if g.version < 9:
        raise Refused("has another form")
    a = g.value("float32", rank=2)
    tag, width = g.count, [a.shape[1]]
    info = [helper.make_tensor_value_info(f"{name}.{tag}", 1, width) for name in ("s", "x", "t", "y")]
    nodes = [helper.make_node("Add", [info[0].name, info[1].name], [info[2].name]), helper.make_node("Relu", [info[2].name], [info[3].name])]
    body = helper.make_graph(nodes, "body", info[:2], info[2:])
    how = {name: [g.integer(0, 1)] for name in ("scan_input_directions", "scan_output_directions") if g.chance(0.4)}
    g.emit(operator, [g.value("float32", width), a], outputs=2, body=body, num_scan_inputs=1, **how)


@generates("SequenceConstruct", "SequenceAt", "SequenceInsert", "SequenceErase", "SequenceLength", "SplitToSequence", "ConcatFromSequence", "SequenceEmpty", "SequenceMap", "Optional", "OptionalHasElement", "OptionalGetElement")
def lists(g: Graph, operator: str):
    """Lists live within a body, for only tensors are compared: a branch makes one of two and takes it apart."""
    a = g.value("float32", rank=g.integer(1, 3))
    b = g.value("float32", a.shape)
    tag = g.count

    def node(kind, inputs, *outputs, **how):
        return helper.make_node(kind, inputs, [f"{name}.{tag}" for name in outputs], **how)

    def at(place):
        return [node("Constant", [], "at", value=helper.make_tensor("", 7, [], [place]))]

    made = [node("SequenceConstruct", [a.name, b.name], "list")]
    recipes = {
        "SequenceConstruct": [*made, node("ConcatFromSequence", [f"list.{tag}"], "result", axis=0, new_axis=g.integer(0, 1))],
        "SequenceAt": [*made, *at(g.integer(-2, 1)), node("SequenceAt", [f"list.{tag}", f"at.{tag}"], "result")],
        "SequenceInsert": [*made, *at(g.integer(-2, 2)), node("SequenceInsert", [f"list.{tag}", a.name, f"at.{tag}"], "more"),
                           node("ConcatFromSequence", [f"more.{tag}"], "result", axis=0)],
        "SequenceErase": [*made, *at(g.integer(-2, 1)), node("SequenceErase", [f"list.{tag}", f"at.{tag}"], "less"),
                          node("ConcatFromSequence", [f"less.{tag}"], "result", axis=0)],
        "SequenceLength": [*made, node("SequenceLength", [f"list.{tag}"], "result")],
        "SplitToSequence": [node("SplitToSequence", [a.name], "list", axis=0, keepdims=g.integer(0, 1)), *at(0), node("SequenceAt", [f"list.{tag}", f"at.{tag}"], "result")],
        "ConcatFromSequence": [node("SplitToSequence", [a.name], "list", axis=0), node("ConcatFromSequence", [f"list.{tag}"], "result", axis=0)],
        "SequenceEmpty": [node("SequenceEmpty", [], "none"), node("SequenceInsert", [f"none.{tag}", a.name], "list"), node("ConcatFromSequence", [f"list.{tag}"], "result", axis=0)],
        "SequenceMap": [*made, node("SequenceMap", [f"list.{tag}"], "each", body=helper.make_graph(
            [helper.make_node("Tanh", ["e"], ["f"])], "each", [helper.make_tensor_value_info("e", 1, list(a.shape))], [helper.make_tensor_value_info("f", 1, list(a.shape))])),
            node("ConcatFromSequence", [f"each.{tag}"], "result", axis=0)],
        "Optional": [node("Optional", [a.name], "box"), node("OptionalGetElement", [f"box.{tag}"], "result")],
        "OptionalGetElement": [node("Optional", [b.name], "box"), node("OptionalGetElement", [f"box.{tag}"], "result")],
        "OptionalHasElement": [node("Optional", [a.name], "box"), node("OptionalHasElement", [f"box.{tag}"], "result")],
    }  # fmt: skip
    branch(g, recipes[operator], f"result.{tag}", {"SequenceLength": 7, "OptionalHasElement": 9}.get(operator, 1))


# Quantization.


def codes(g: Graph, kind: str, shape, weight: float = 0.5):
    return g.value(kind, shape, weight=weight)


def affine(g: Graph, kind: str, shape=()):
    """A scale and a zero point."""
    scale = g.leaf(g.numbers("float32", shape, 0.02, 0.3), weight=0.95)
    return scale, g.leaf(g.numbers(kind, shape, 0 if kind == "uint8" else -3, 5), weight=0.95)


@generates("QuantizeLinear")
def quantize(g: Graph, operator: str):
    a = g.value("float32" if g.version < 19 else g.type(operator, among=["float32", "float16"]), rank=g.integer(1, 4))
    axis = g.integer(0, a.array.ndim - 1)
    shape = (a.shape[axis],) if g.version > 12 and g.chance(0.4) else ()
    scale, zero = affine(g, g.pick("uint8", "int8", *(["int16", "uint16"] if g.version > 20 else [])), shape)
    if a.type != "float32":
        scale = g.leaf(scale.array.astype(a.type))
    how = {"axis": axis} if shape else {}
    g.emit(operator, [a, scale, *([zero] if g.chance(0.8) else [])], isRounded=True, **how)


@generates("DequantizeLinear")
def dequantize(g: Graph, operator: str):
    a = codes(g, g.type(operator, among=["uint8", "int8", "int32"]), g.shape(g.integer(1, 4)))
    axis = g.integer(0, a.array.ndim - 1)
    shape = (a.shape[axis],) if g.version > 12 and g.chance(0.4) else ()
    scale = g.leaf(g.numbers("float32", shape, 0.02, 0.3), weight=0.95)
    zero = [g.leaf(g.numbers(a.type, shape, 0, 5), weight=0.95)] if a.type != "int32" and g.chance(0.8) else []
    g.emit(operator, [a, scale, *zero], **({"axis": axis} if shape else {}))


@generates("com.microsoft/QuantizeLinear", "com.microsoft/DequantizeLinear")
def contributed_codes(g: Graph, operator: str):
    kind = g.pick("uint8", "int8", "uint16", "int16")
    if operator.startswith("Q"):
        a = g.value("float32", rank=g.integer(1, 3))
        return g.emit(operator, [a, *affine(g, kind)], isRounded=True, domain=MICROSOFT)
    kind = g.pick(kind, "int32")
    a = codes(g, kind, g.shape(g.integer(1, 3)))
    g.emit(operator, [a, *affine(g, kind)[: 1 if kind == "int32" else 2]], domain=MICROSOFT)


@generates("DynamicQuantizeLinear")
def dynamic(g: Graph, operator: str):
    g.emit(operator, [g.value("float32", rank=g.integer(1, 3))], outputs=3, isRounded=True)


@generates("MatMulInteger", "QLinearMatMul", "com.microsoft/MatMulIntegerToFloat")
def integer_product(g: Graph, operator: str):
    kinds = g.pick("uint8", "int8"), g.pick("uint8", "int8")
    a = codes(g, kinds[0], [*g.shape(g.integer(1, 2)), g.integer(1, 6)])
    b = codes(g, kinds[1], [a.shape[-1], g.integer(1, 5)], 0.8)
    first, second = affine(g, kinds[0]), affine(g, kinds[1])
    if operator == "MatMulInteger":
        g.emit(operator, [a, b, *([first[1], second[1]] if g.chance(0.6) else [])])
    elif operator == "QLinearMatMul":
        kind = kinds[0]
        g.emit(operator, [a, *first, b, *second, *affine(g, kind)], isRounded=True)
    else:
        bias = [g.value("float32", [b.shape[1]])] if g.chance(0.5) else []
        g.emit(operator, [a, b, first[0], second[0], first[1], second[1], *bias], domain=MICROSOFT)


@generates("com.microsoft/DynamicQuantizeMatMul")
def dynamic_product(g: Graph, operator: str):
    a = g.value("float32", rank=g.integer(2, 3))
    kind = g.pick("uint8", "int8")
    scale, zero = affine(g, kind)
    inputs = [a, codes(g, kind, [a.shape[-1], g.integer(1, 5)], 1), scale, zero]
    g.emit(operator, inputs, domain=MICROSOFT)


@generates("ConvInteger", "QLinearConv")
def integer_convolution(g: Graph, operator: str):
    kinds = g.pick("uint8", "int8"), g.pick("uint8", "int8")
    spatial, groups, width = g.pick(1, 2, 2), g.pick(1, 1, 2), g.integer(1, 2)
    how, outputs = window(g, spatial), groups * g.integer(1, 3)
    x = codes(g, kinds[0], [g.integer(1, 2), groups * width, *[g.integer(4, 6) for _ in range(spatial)]])
    w = codes(g, kinds[1], [outputs, width, *how["kernel_shape"]], 0.9)
    first = affine(g, kinds[0])
    if operator == "ConvInteger":
        zeros = [first[1], affine(g, kinds[1])[1]] if g.chance(0.6) else []
        return g.emit(operator, [x, w, *zeros], group=groups, **how)
    second = affine(g, kinds[1], (outputs,) if g.chance(0.4) else ())
    bias = [g.leaf(g.numbers("int32", [outputs], -90, 90), weight=0.95)] if g.chance(0.5) else []
    return g.emit(operator, [x, *first, w, *second, *affine(g, kinds[0]), *bias], isRounded=True, group=groups, **how)


@generates("com.microsoft/QGemm")
def integer_gemm(g: Graph, operator: str):
    kind = g.pick("uint8", "int8")
    a = codes(g, kind, [g.integer(1, 4), g.integer(1, 5)])
    b = codes(g, kind, [a.shape[1], g.integer(1, 4)], 0.9)
    bias = g.leaf(g.numbers("int32", [b.shape[1]], -90, 90), weight=0.95) if g.chance(0.5) else None
    inputs = [a, *affine(g, kind), b, *affine(g, kind), bias]
    g.emit(operator, [*inputs, *(affine(g, kind) if g.chance(0.6) else [])], isRounded=True, domain=MICROSOFT)


@generates("com.microsoft/QLinearAdd", "com.microsoft/QLinearMul")
def integer_binary(g: Graph, operator: str):
    kind = g.pick("uint8", "int8")
    a = codes(g, kind, g.shape(g.integer(1, 4)))
    b = g.companion(a)
    g.emit(operator, [a, *affine(g, kind), b, *affine(g, kind), *affine(g, kind)], isRounded=True, domain=MICROSOFT)


@generates("com.microsoft/QLinearSigmoid", "com.microsoft/QLinearLeakyRelu")
def integer_activation(g: Graph, operator: str):
    kind = g.pick("uint8", "int8")
    a = codes(g, kind, g.shape(g.integer(1, 4)))
    how = {"alpha": 0.1} if "Leaky" in operator else {}
    g.emit(operator, [a, *affine(g, kind), *affine(g, kind)], isRounded=True, domain=MICROSOFT, **how)


@generates("com.microsoft/QLinearSoftmax")
def integer_softmax(g: Graph, operator: str):
    kind = g.pick("uint8", "int8")
    # A single element's share of 1 is beyond 255, and wraps in ONNX Runtime.
    a = codes(g, kind, [*g.shape(g.integer(0, 2)), g.integer(2, 5)])
    scale = g.leaf(np.array(1 / 256, "float32"), 1)
    zero = g.leaf(np.array(0 if kind == "uint8" else -128, kind), 1)
    g.emit(operator, [a, *affine(g, kind), scale, zero], isRounded=True, domain=MICROSOFT, axis=-1, opset=g.version)


@generates("com.microsoft/QLinearAveragePool", "com.microsoft/QLinearGlobalAveragePool")
def integer_pool(g: Graph, operator: str):
    kind = g.pick("uint8", "int8")
    a = codes(g, kind, [1, g.integer(1, 3), g.integer(4, 6), g.integer(4, 6)])
    how = {"channels_last": 0} if "Global" in operator else {"kernel_shape": [2, 2], "strides": [g.integer(1, 2)] * 2}
    g.emit(operator, [a, *affine(g, kind), *affine(g, kind)], isRounded=True, domain=MICROSOFT, **how)


@generates("com.microsoft/QLinearConcat")
def integer_concat(g: Graph, operator: str):
    kind = g.pick("uint8", "int8")
    a = codes(g, kind, g.shape(g.integer(1, 4)))
    parts = [item for _ in range(2) for item in (codes(g, kind, a.shape), *affine(g, kind))]
    g.emit(operator, [*affine(g, kind), *parts], isRounded=True, domain=MICROSOFT, axis=g.integer(0, a.array.ndim - 1))


@generates("com.microsoft/GatherBlockQuantized")
def packed_lookup(g: Graph, operator: str):
    bits, rows, blocks = g.pick(4, 8), g.integer(1, 5), g.integer(1, 2)
    width = 16 * blocks - g.integer(0, 7) * 2
    table = g.leaf(g.random.integers(0, 256, [rows, width * bits // 8]).astype("uint8"), 1)
    places = g.leaf(g.random.integers(-rows, rows, g.shape(g.integer(1, 2))).astype(g.pick("int32", "int64")))
    scales = g.leaf(g.numbers("float32", [rows, blocks], 0.02, 0.2), 1)
    zeros = [g.leaf(g.random.integers(0, 256, [rows, (blocks * bits + 7) // 8]).astype("uint8"), 1)] if g.chance(0.5) else []
    how = {"gather_axis": 0, "quantize_axis": 1, "bits": bits, "block_size": 16}
    g.emit(operator, [table, places, scales, *zeros], domain=MICROSOFT, **how)


@generates("com.microsoft/MatMulNBits")
def palette_product(g: Graph, operator: str):
    block, inner, columns = 16, 16 * g.integer(1, 2), g.integer(1, 5)
    blocks = inner // block
    a = g.value("float32", [g.integer(1, 3), inner])
    weights = g.leaf(g.random.integers(0, 256, [columns, blocks, block // 2]).astype("uint8"), 1)
    scales = g.leaf(g.numbers("float32", [columns * blocks], 0.02, 0.2), 1)
    zeros = [g.leaf(g.random.integers(0, 256, [columns * ((blocks + 1) // 2)]).astype("uint8"), 1)] if g.chance(0.5) else []
    g.emit(operator, [a, weights, scales, *zeros], domain=MICROSOFT, K=inner, N=columns, bits=4, block_size=block)
