"""safetensors/safetensors#839 and foundation-model-stack/fastsafetensors#79: a file of data holds numbers that take no whole byte, or
of a type that the model does not take; the answer is one sentence, or a run."""
import json, struct
from .common import *

def table(kind, bits, rows, width=3, packed=False):
    """A safetensors file with labels and `x` of any type, all zero bits. With `packed` the shape counts bytes, as some writers have it."""
    shape = [rows, -(-width * bits // 8)] if packed else [rows, width]
    size = shape[0] * shape[1] if packed else -(-rows * width * bits // 8)
    head = json.dumps({"labels": {"dtype": "I64", "shape": [rows], "data_offsets": [0, 8 * rows]},
                       "x": {"dtype": kind, "shape": shape, "data_offsets": [8 * rows, 8 * rows + size]}}).encode()
    return lambda: struct.pack("<Q", len(head)) + head + bytes(8 * rows + size)
def model(kind=T.FLOAT):
    """As bytes, for onnxruntime may not have the type."""
    def build(d):
        m, _ = net([node("Cast", "x", "c", to=T.FLOAT), node("MatMul", "c w", "y")], {"w": d.w(3, 2)}, {}, {"y": ["N", 2]}, {"x": ["N", 3]}, 24, 12)
        m.graph.input[0].type.tensor_type.elem_type = kind
        return m.SerializeToString(), {}
    return build

LINES = {"evaluate": "evaluate m.onnx --data d.safetensors", "static": "apply static-quantization m.onnx -o out.onnx --data d.safetensors",
            "compare": "compare m.onnx m.onnx --data d.safetensors", "train": "train m.onnx -o out.onnx --data d.safetensors --epochs 1"}
FOUR = {"f4-odd": ("F4", 4, 2001), "f4-even": ("F4", 4, 2000), "f4-packed": ("F4", 4, 2000, 3, True), "f6": ("F6_E2M3", 6, 2000),
        "u8-for-4-bits": ("U8", 8, 2000)}
CASES = [Case(f"a-{n}:{c}", model(T.FLOAT4E2M1), line, ends, files={"d.safetensors": table(*f)}) for n, f in FOUR.items()
         for c, line in LINES.items() if n == "f4-odd" or c in ("evaluate", "static")]
CASES += [Case(f"b-{n}-for-float:{c}", model(), LINES[c], ends, files={"d.safetensors": table(*FOUR[n])}) for n in ("f4-odd", "f4-even")
          for c in ("evaluate", "static")]
