"""Random graphs over all operators, grown node by node in ONNX Runtime: what it refuses is not in the graph.

Each value is known twice: as computed, and as computed from values a few roundings off. How far the two lie apart says how far
another runtime may be off; a node that turns roundings into jumps (rounding, comparing, sorting what was computed) is left out.
"""

from dataclasses import dataclass, field

import numpy as np
import onnxruntime
from onnx import AttributeProto, ModelProto, checker, defs, helper, numpy_helper

onnxruntime.set_default_logger_severity(4)

MICROSOFT = "com.microsoft"
TABLES = "ai.onnx.ml"
FLOATS = ["float32", "float16", "float64"]
INTEGERS = ["int64", "int32", "int8", "uint8", "int16", "uint16", "uint32", "uint64"]
TYPES = [*FLOATS, *INTEGERS, "bool"]
#: How far apart the two of a computed value are made: some roundings of its type; float64 as float32, for kernels may use that.
NOISE = {"float16": 1e-3, "float32": 1e-6, "float64": 1e-6}
LARGEST = 1e4
VERSIONS = range(7, 27)


class Refused(Exception):
    """ONNX Runtime does not run a node, or it is not fit for comparing."""


@dataclass
class Value:
    name: str
    array: np.ndarray
    other: np.ndarray
    isUsed: bool = False
    #: Whether it is a weight or an input rather than computed.
    isLeaf: bool = False

    @property
    def type(self) -> str:
        return self.array.dtype.name

    @property
    def shape(self) -> tuple:
        return self.array.shape


@dataclass
class Sample:
    """A graph with inputs and what ONNX Runtime gives, and how far each output may be off."""

    model: ModelProto
    feeds: dict
    outputs: dict
    tolerances: dict
    operators: list = field(default_factory=list)


def proto_type(name: str) -> int:
    return helper.np_dtype_to_tensor_dtype(np.dtype(name))


def session(model: ModelProto, optimized: bool):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    levels = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = levels.ORT_ENABLE_ALL if optimized else levels.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """The largest difference of two arrays; what is equal or not a number in both counts nothing."""
    a, b = np.atleast_1d(np.asarray(a, np.float64)), np.atleast_1d(np.asarray(b, np.float64))
    with np.errstate(invalid="ignore"):
        apart = np.abs(a - b)
    apart[(a == b) | (np.isnan(a) & np.isnan(b))] = 0
    return float(np.nan_to_num(apart, nan=np.inf).max(initial=0))


def size(array: np.ndarray) -> float:
    values = np.abs(np.asarray(array, np.float64))
    return float(np.nan_to_num(values, nan=0, posinf=0).max(initial=0))


class Graph:
    """A graph that grows; `random` decides everything."""

    def __init__(self, seed: int):
        self.random = np.random.default_rng(seed)
        self.version = int(self.random.choice(VERSIONS)) if self.chance(0.7) else int(self.random.choice([13, 17, 18, 21]))
        self.nodes, self.inputs, self.weights, self.values = [], [], {}, {}
        self.operators, self.count = [], 0

    def chance(self, share: float) -> bool:
        return bool(self.random.random() < share)

    def pick(self, *choices):
        return choices[int(self.random.integers(len(choices)))]

    def integer(self, low: int, high: int) -> int:
        """From low to high, both included."""
        return int(self.random.integers(low, high + 1))

    # Types and schemas.

    def schema(self, operator: str, domain: str = ""):
        try:
            return defs.get_schema(operator, self.version if domain == "" else 1, domain)
        except defs.SchemaError:
            raise Refused(f"{operator} is not in operator set {self.version}") from None

    def types(self, operator: str, position: int = 0, domain: str = "") -> list[str]:
        """What the operator set allows for an input."""
        schema = self.schema(operator, domain)
        if schema.deprecated:
            raise Refused(f"{operator} is deprecated in operator set {self.version}")
        allowed = schema.inputs[position].types
        names = {f"tensor({ {'float32': 'float', 'float64': 'double'}.get(name, name)})": name for name in TYPES}
        return [name for text, name in names.items() if text in allowed]

    def type(self, operator: str, position: int = 0, among=TYPES, domain: str = "") -> str:
        types = [name for name in self.types(operator, position, domain) if name in among]
        if not types:
            raise Refused(f"{operator} takes none of {among}")
        return "float32" if "float32" in types and self.chance(0.5) else self.pick(*types)

    def has(self, operator: str, setting: str) -> bool:
        """Whether the operator's schema has an attribute or an input of this name."""
        schema = self.schema(operator)
        return setting in schema.attributes or any(item.name == setting for item in schema.inputs)

    # Values.

    def shape(self, rank: int | None = None, high: int = 5) -> tuple:
        rank = self.integer(0, 4) if rank is None else rank
        return tuple(self.pick(1, *range(1, high + 1)) for _ in range(rank))

    def numbers(self, type: str, shape, low=None, high=None) -> np.ndarray:
        if type == "bool":
            return self.random.random(shape) < 0.5
        if type in INTEGERS:
            least = 0 if type[0] == "u" else -9
            return self.random.integers(least if low is None else int(low), (9 if high is None else int(high)) + 1, shape).astype(type)
        if low is None:
            return (self.random.normal(size=shape) * self.pick(0.3, 1, 3)).astype(type)
        return self.random.uniform(low, high, shape).astype(type)

    def leaf(self, array, weight: float = 0.5) -> Value:
        """A value that is an initializer, a Constant node or an input."""
        self.count += 1
        value = Value(f"v{self.count}", np.asarray(array), np.asarray(array), isLeaf=True)
        if not self.chance(weight):
            self.inputs.append(value)
        elif self.chance(0.2):
            node = helper.make_node("Constant", [], [value.name], value=numpy_helper.from_array(value.array))
            self.nodes.append(node)
        else:
            self.weights[value.name] = value.array
        self.values[value.name] = value
        return value

    def setting(self, values, type="int64") -> Value:
        """A value that says how, mostly known."""
        return self.leaf(np.array(values, type), weight=0.95)

    def value(self, type: str, shape=None, rank=None, low=None, high=None, weight: float = 0.4) -> Value:
        """A value from the graph that fits, or a new one. Extents of None in `shape` are free."""
        if rank is not None:
            shape = [None] * rank

        def fits(value: Value) -> bool:
            if value.type != type or (shape is not None and len(shape) != value.array.ndim):
                return False
            if shape is not None and any(wanted not in (None, extent) for wanted, extent in zip(shape, value.shape)):
                return False
            if low is not None and value.array.size:
                return low <= value.array.min() and value.array.max() <= high
            return True

        fitting = [value for value in self.values.values() if fits(value)]
        if fitting and self.chance(0.85):
            fresh = [value for value in fitting if not value.isUsed]
            computed = [value for value in fresh if not value.isLeaf]
            return self.pick(*(computed or fresh or fitting))
        if shape is not None and low is None and self.chance(0.7):
            found = self.reshaped(type, shape)
            if found is not None:
                return found
        extents = self.shape() if shape is None else tuple(self.integer(1, 5) if extent is None else extent for extent in shape)
        return self.leaf(self.numbers(type, extents, low, high), weight)

    def reshaped(self, type: str, shape) -> Value | None:
        """A value of the graph in another shape."""
        fitting = [value for value in self.values.values() if value.type == type and not value.isLeaf and value.array.size > 1]
        fitting = [value for value in fitting if not value.isUsed] or fitting
        if not fitting or None not in shape:
            return None
        value = self.pick(*fitting)
        known = int(np.prod([extent for extent in shape if extent is not None]))
        if value.array.size % max(known, 1) != 0:
            return None
        rest, extents = value.array.size // max(known, 1), list(shape)
        free = [axis for axis, extent in enumerate(shape) if extent is None]
        for axis in free[:-1]:
            extents[axis] = self.pick(*[extent for extent in range(1, 6) if rest % extent == 0])
            rest //= extents[axis]
        extents[free[-1]] = rest
        if rest > 64:
            return None
        return self.emit("Reshape", [value, self.setting(extents)])

    def companion(self, value: Value, type: str | None = None, **bounds) -> Value:
        """A value that broadcasts with another."""
        type = type or value.type
        shape = [extent if self.chance(0.7) else 1 for extent in value.shape][self.integer(0, len(value.shape)) if self.chance(0.3) else 0:]
        return self.value(type, shape, **bounds)

    # Nodes.

    def configured(self, operator: str, inputs: list, settings: dict, **attributes):
        """A node whose settings are attributes or inputs, whichever the operator set has; inputs in the schema's order."""
        schema = self.schema(operator)
        names = [item.name for item in schema.inputs]
        for name, values in settings.items():
            if values is None:
                continue
            if name in schema.attributes:
                attributes[name] = values
            elif name in names:
                place = names.index(name)
                inputs = [*inputs, *[None] * (place + 1 - len(inputs))]
                inputs[place] = values if isinstance(values, Value) else self.setting(values)
            else:
                raise Refused(f"{operator} has no {name} in operator set {self.version}")
        return self.emit(operator, inputs, **attributes)

    def emit(self, operator: str, inputs: list, outputs: int = 1, domain: str = "", isRounded: bool = False, **attributes):
        """Adds a node that ONNX Runtime computes; its values. `isRounded`: integers in it may be off by one."""
        names = [f"v{self.count + 1}"] if outputs == 1 else [f"v{self.count + 1}.{place}" for place in range(outputs)]
        self.count += 1
        node = helper.make_node(operator, [value.name if value else "" for value in inputs], names, domain=domain, **attributes)
        given = {value.name: value for value in inputs if value is not None}
        for name in outer_names(node):
            given[name] = self.values[name]
        found = [Value(name, array, other) for name, (array, other) in self.computed(node, list(given.values()), names).items()]
        largest = max((size(value.array) for value in [*given.values(), *found] if value.type in FLOATS), default=0)
        for value in found:
            self.check(value, isRounded, largest)
        for value in given.values():
            value.isUsed = True
        self.nodes.append(node)
        self.operators.append((domain, operator))
        for value in found:
            self.values[value.name] = value
        return found[0] if outputs == 1 else found

    def computed(self, node, given: list[Value], names: list[str]) -> dict:
        kinds = [helper.make_tensor_value_info(value.name, proto_type(value.type), value.shape) for value in given]
        graph = helper.make_graph([node], "node", kinds, [helper.make_empty_tensor_value_info(name) for name in names])
        # What says how (shapes, axes, scales) must be known to some kernels.
        for value in given:
            if value.name in self.weights:
                graph.initializer.append(numpy_helper.from_array(value.array, value.name))
        model = self.model_of(graph)
        try:
            program = session(model, optimized=False)
            results = program.run(names, {value.name: value.array for value in given})
            if all(value.array is value.other for value in given):
                others = results
            else:
                others = program.run(names, {value.name: value.other for value in given})
        except Exception as error:  # The runtime's errors have no class in common.
            raise Refused(str(error)) from None
        if not all(isinstance(result, (np.ndarray, np.generic)) for result in results):
            raise Refused("is no tensor")
        results, others = map(np.asarray, results), map(np.asarray, others)
        return {name: pair for name, *pair in zip(names, results, others)}

    def check(self, value: Value, isRounded: bool, largest: float):
        """`largest` is that of the floats the value is computed from, and of its own."""
        if value.type not in TYPES or value.array.size > 20_000 or size(value.array) > LARGEST and value.type in FLOATS:
            raise Refused("is too large")
        if value.array.size == 0:
            raise Refused("is empty")
        if value.other.shape != value.shape:
            raise Refused("has a shape that depends on roundings")
        if value.type in FLOATS:
            if not np.isfinite(value.array).all():
                raise Refused("is not finite")
            if distance(value.array, value.other) > (0.05 if value.type == "float16" else 0.001) * (size(value.array) + 1e-3):
                raise Refused("jumps with roundings")
            # Where large numbers cancel, what is left is as rough as they were.
            noise = NOISE[value.type] * self.random.uniform(-1, 1, value.shape) * (np.abs(value.other) + 0.3 * largest)
            # What is 0 but for roundings may have either sign.
            isNothing = (value.array != 0) & (np.abs(value.array) < NOISE[value.type] * largest)
            noise = np.where(isNothing, -value.other - np.sign(value.array) * np.abs(noise), noise)
            value.other = np.asarray(value.other + noise, value.type)
        elif isRounded:
            limits = np.iinfo(value.type)
            moved = value.array.astype(np.int64) + self.random.integers(-1, 2, value.shape)
            value.other = np.asarray(np.clip(moved, limits.min, limits.max), value.type)
        elif not np.array_equal(value.array, value.other):
            raise Refused("jumps with roundings")

    def model_of(self, graph) -> ModelProto:
        sets = [helper.make_opsetid("", self.version), helper.make_opsetid(MICROSOFT, 1), helper.make_opsetid(TABLES, 1)]
        return helper.make_model(graph, opset_imports=sets, ir_version=8 if self.version < 19 else 10)

    def finished(self) -> Sample:
        """The graph with everything that nothing reads as its outputs, and sometimes another value."""
        results = [value for value in self.values.values() if not value.isLeaf and (not value.isUsed or self.chance(0.1))]
        if not results:
            raise Refused("has no result")
        isOpen = self.chance(0.4)

        def extents(value: Value):
            return [f"{value.name}_{axis}" if isOpen and self.chance(0.5) else extent for axis, extent in enumerate(value.shape)]

        read = {name for node in self.nodes for name in [*node.input, *outer_names(node)]}
        inputs = [helper.make_tensor_value_info(v.name, proto_type(v.type), extents(v)) for v in self.inputs if v.name in read]
        outputs = [helper.make_tensor_value_info(v.name, proto_type(v.type), [None] * v.array.ndim) for v in results]
        weights = [numpy_helper.from_array(array, name) for name, array in self.weights.items() if name in read]
        kept = [node for node in self.nodes if node.op_type != "Constant" or node.output[0] in read]
        model = self.model_of(helper.make_graph(kept, "random", inputs, outputs, weights))
        feeds = {value.name: value.array for value in self.inputs if value.name in read}
        try:
            if ("", "SimplifiedLayerNormalization") not in self.operators:  # Only ONNX Runtime has it in ONNX's domain.
                checker.check_model(model)
            arrays = session(model, optimized=True).run([value.name for value in results], feeds)
        except Exception as error:
            raise Refused(str(error)) from None
        expected = {value.name: array for value, array in zip(results, arrays)}
        # Where ONNX Runtime's own optimizations change much, no other runtime can be held to it.
        tolerances = {value.name: self.tolerance(value, expected[value.name]) for value in results}
        return Sample(model, feeds, expected, tolerances, self.operators)

    @staticmethod
    def tolerance(value: Value, array: np.ndarray) -> float:
        if array.shape != value.shape:
            raise Refused("has another shape when optimized")
        apart = max(distance(value.array, value.other), distance(value.array, array))
        if value.type in FLOATS and apart > 0.1 * (size(array) + 1e-3):
            raise Refused("is changed by optimizations")
        floor = {"float16": 2e-3}.get(value.type, 5e-5)
        return 8 * apart + (floor * max(size(array), 0.01) if value.type in FLOATS else 0)


def outer_names(node) -> list[str]:
    """Values that bodies of the node read from outside."""
    names = []
    for attribute in node.attribute:
        if attribute.type == AttributeProto.GRAPH:
            own = {name for inner in attribute.g.node for name in inner.output} | {item.name for item in attribute.g.input}
            own |= {item.name for item in attribute.g.initializer}
            names += [name for inner in attribute.g.node for name in inner.input if name and name not in own]
            names += [item.name for item in attribute.g.output if item.name not in own]
    return list(dict.fromkeys(names))



