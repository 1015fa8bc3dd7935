"""Writes the small models and arrays that the Swift tests read. Run with the Python environment of scripts/setup.

Everything here comes from other people's writers (onnx, numpy), so that the readers are not tested against our own.
"""

import gzip
import os
import struct

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

os.chdir(os.path.dirname(os.path.abspath(__file__)))


def value(name, shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def model(nodes, inputs, outputs, initializers, opset=17, ir=8, imports=(), **more):
    graph = helper.make_graph(nodes, "g", inputs, outputs, initializers, **more)
    opsets = [helper.make_opsetid("", opset), *imports]
    result = helper.make_model(graph, opset_imports=opsets, ir_version=ir, producer_name="fixtures", producer_version="1.2")
    result.doc_string = "a small model"
    helper.set_model_props(result, {"author": "nobody", "task": "test"})
    return result


def save(result, name):
    onnx.checker.check_model(result)
    onnx.save(result, name)


rng = np.random.default_rng(1)
w = rng.standard_normal((3, 4)).astype(np.float32)
b = np.array([0.5, -0.5, 0.25], np.float32)

# Opset 9, IR 3: initializers listed as inputs, nodes without names, typed data instead of raw.
nodes = [helper.make_node("Gemm", ["x", "w", "b"], ["h"], transB=1), helper.make_node("Relu", ["h"], ["y"])]
typed = [
    helper.make_tensor("w", TensorProto.FLOAT, w.shape, w.flatten().tolist()),
    helper.make_tensor("b", TensorProto.FLOAT, b.shape, b.tolist()),
]
save(
    model(nodes, [value("x", ["N", 4]), value("w", [3, 4]), value("b", [3])], [value("y", ["N", 3])], typed, 9, 3),
    "inputs-opset9.onnx",
)

# Constant nodes of every kind instead of initializers.
nodes = [
    helper.make_node("Constant", [], ["w"], value=numpy_helper.from_array(w)),
    helper.make_node("Constant", [], ["scale"], value_float=2.0),
    helper.make_node("Constant", [], ["bias"], value_floats=[0.5, -0.5, 0.25]),
    helper.make_node("Constant", [], ["axis"], value_int=1),
    helper.make_node("Constant", [], ["shape"], value_ints=[-1, 3, 1]),
    helper.make_node("Gemm", ["x", "w", "bias"], ["h"], transB=1, name="fc"),
    helper.make_node("Mul", ["h", "scale"], ["m"], name="fc"),
    helper.make_node("Reshape", ["m", "shape"], ["r"]),
    helper.make_node("Gather", ["r", "axis"], ["y"], axis=1),
]
save(model(nodes, [value("x", ["N", 4])], [value("y", ["N", 1])], []), "constants.onnx")

# Typed fields of every element type, and 4-bit weights.
tensors = []
for name, kind, values in [
    ("f32", TensorProto.FLOAT, [1.5, -2.0, 3.25]),
    ("f64", TensorProto.DOUBLE, [1.5, -2.0, 3.25]),
    ("f16", TensorProto.FLOAT16, [1.5, -2.0, 3.25]),
    ("bf16", TensorProto.BFLOAT16, [1.5, -2.0, 3.25]),
    ("f8e4m3fn", TensorProto.FLOAT8E4M3FN, [1.5, -2.0, 3.25]),
    ("f8e5m2", TensorProto.FLOAT8E5M2, [1.5, -2.0, 3.0]),
    ("i8", TensorProto.INT8, [1, -2, 127]),
    ("u8", TensorProto.UINT8, [1, 2, 255]),
    ("i16", TensorProto.INT16, [1, -2, 32767]),
    ("u16", TensorProto.UINT16, [1, 2, 65535]),
    ("i32", TensorProto.INT32, [1, -2, 2**31 - 1]),
    ("u32", TensorProto.UINT32, [1, 2, 2**32 - 1]),
    ("i64", TensorProto.INT64, [1, -2, 2**53]),
    ("u64", TensorProto.UINT64, [1, 2, 2**53]),
    ("bool", TensorProto.BOOL, [True, False, True]),
    ("i4", TensorProto.INT4, [1, -8, 7]),
    ("u4", TensorProto.UINT4, [1, 2, 15]),
]:
    tensors.append(helper.make_tensor(name, kind, [3], values))
nodes = [helper.make_node("Identity", [t.name], [t.name + "_out"]) for t in tensors]
outputs = [value(t.name + "_out", [3], t.data_type) for t in tensors]
save(model(nodes, [], outputs, tensors, 21, 10), "types.onnx")

# Four-bit weights in blocks.
q4 = helper.make_tensor("q", TensorProto.INT4, [4, 4], list(range(-8, 8)))
s = numpy_helper.from_array(np.array([[1, 2, 3, 4], [5, 6, 7, 8]], np.float32) / 8, "s")
nodes = [
    helper.make_node("DequantizeLinear", ["q", "s"], ["w"], axis=0, block_size=2, name="dq"),
    helper.make_node("MatMul", ["x", "w"], ["y"], name="mm"),
]
save(model(nodes, [value("x", ["N", 4])], [value("y", ["N", 4])], [q4, s], 21, 10), "int4.onnx")

# A body that reads values of the graph around it, and a domain of its own.
then = helper.make_graph([helper.make_node("Add", ["x", "one"], ["a"], name="add")], "then", [], [value("a", ["N"])])
other = helper.make_graph(
    [helper.make_node("Sub", ["x", "two"], ["s"], name="sub")],
    "else",
    [],
    [value("s", ["N"])],
    [numpy_helper.from_array(np.float32(2), "two")],
)
nodes = [
    helper.make_node("If", ["c"], ["i"], then_branch=then, else_branch=other, name="if"),
    helper.make_node("Fancy", ["i"], ["y"], domain="my.domain", name="fancy", mode="fast", sizes=[1, 2], ratios=[0.5, 2.0],
                     names=["a", "b"], table=numpy_helper.from_array(np.arange(3, dtype=np.int64))),
]
save(
    model(
        nodes,
        [value("c", [], TensorProto.BOOL), value("x", ["N"])],
        [value("y", ["N", 2], TensorProto.INT64)],
        [numpy_helper.from_array(np.float32(1), "one")],
        imports=[helper.make_opsetid("my.domain", 3)],
        value_info=[value("i", ["N"])],
    ),
    "body.onnx",
)

# External data: two tensors in one file.
nodes = [helper.make_node("Gemm", ["x", "w", "b"], ["y"], transB=1, name="fc")]
result = model(
    nodes, [value("x", ["N", 4])], [value("y", ["N", 3])], [numpy_helper.from_array(w, "w"), numpy_helper.from_array(b, "b")]
)
onnx.save_model(
    result, "external.onnx", save_as_external_data=True, all_tensors_to_one_file=True, location="external.bin", size_threshold=0
)

# Things that are refused.
onnx.save(
    helper.make_model(
        helper.make_graph(
            [helper.make_node("Identity", ["x"], ["y"])], "g", [value("x", [1], TensorProto.STRING)],
            [value("y", [1], TensorProto.STRING)],
        )
    ),
    "strings.onnx",
)

# What the values are, as NumPy sees them.
np.save("float32.npy", w)
np.save("fortran.npy", np.asfortranarray(w))
np.save("bigendian.npy", w.astype(">f4"))
np.save("float16.npy", w.astype(np.float16))
np.save("int64.npy", np.arange(-3, 3, dtype=np.int64).reshape(2, 3))
np.save("bool.npy", np.array([[True, False], [False, True]]))
np.save("scalar.npy", np.float64(2.5))
np.save("empty.npy", np.zeros((0, 3), np.uint8))
np.savez("arrays.npz", w=w, b=b)
np.savez_compressed("compressed.npz", w=w, zeros=np.zeros((50, 20), np.int32))

# IDX, plain and gzipped: three 2×2 images and their labels.
images = struct.pack(">BBBBIII", 0, 0, 8, 3, 3, 2, 2) + bytes(range(12))
open("images-idx3-ubyte", "wb").write(images)
with open("images-idx3-ubyte.gz", "wb") as file:
    with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as out:
        out.write(images)
open("floats-idx1", "wb").write(struct.pack(">BBBBIff", 0, 0, 0x0D, 1, 2, 1.5, -2.0))
