"""androguard/androguard#768 and VanLoo-lab/gritic#4 (a folder of the user's is emptied), onnx/onnx#7686 (links out of the model's
folder): files get lost or overwrite each other, and small ones unpack to more than the machine holds."""
import io, struct, zlib
from .common import *

def mlp(d, labels=None):
    x = d.x(64, 12)
    y = (x[:, 0] > 0).astype(np.int64) if labels is None else labels(x)
    return net([node("Gemm", "x w1 b1", "h", "fc1"), node("Relu", "h", "r"), node("Gemm", "r w2", "y", "fc2")],
               {"w1": d.w(12, 8), "b1": d.w(8), "w2": d.w(8, 2)}, {"x": x, "labels": y})
def unlabelled(d): m, data = mlp(d); return m, {"x": data["x"]}
def stray_location(d):
    """Numbers in the file, and beside them the name of a file, which does not count."""
    m, data = unlabelled(d)
    m.graph.initializer[0].external_data.add(key="location", value="nowhere.bin")
    return m, data
def wide(d): return net([node("MatMul", "x w1", "h"), node("Relu", "h", "r"), node("MatMul", "r w2", "y")],
                        {"w1": d.w(256, 512), "w2": d.w(512, 64)}, {"x": d.x(512, 256)})
def picture_net(d):
    return net([node("Conv", "x w", "a", pads=[1] * 4), node("GlobalAveragePool", "a", "g"), node("Flatten", "g", "y")], {"w": d.w(2, 3, 3, 3)},
               {"x": d.x(2, 3, 8, 8)}, {"y": ["N", 2]}, {"x": ["N", 3, "H", "W"]})
def keeps(name, text="mine"):
    """The file of this name is as it was; winnow ends well or with a sentence."""
    def check(r):
        if not os.path.exists(r.path(name)): raise Wrong(f"{name} is gone (exit {r.rc})")
        if open(r.path(name)).read() != text: raise Wrong(f"{name} was changed")
        return ends(r)
    return check
def input_kept(r):
    try: kept = r.load("m.onnx") == r.before
    except Exception: kept = False
    if not kept: raise Wrong("the input was overwritten")
    return ends(r)
def link_kept(r):
    if not os.path.islink(r.path("out.onnx")): raise Wrong("the link was replaced by a file")
    if not r.rc: r.load("target.onnx")
def fails(r):
    if r.rc != 1: raise Wrong(f"exit {r.rc} though nothing was written")

def old_data():
    f, (_, a) = io.BytesIO(), mlp(Draw())
    np.savez(f, x=a["x"] * 2, labels=1 - a["labels"]); return f.getvalue()
def resumed_right(r):
    """Refused, or the result of training on the data that is there now."""
    if r.rc: return refuses()(r)
    r.step(TRAIN.replace("out", "fresh"), "")
    if open(r.path("out.onnx"), "rb").read() != open(r.path("fresh.onnx"), "rb").read(): raise Wrong("went on with what other data had given")

def packed(head, size, chunk=bytes(1 << 24)):
    """`head` and `size` more bytes, a chunk repeated: deflated, the checksum, the length."""
    c, times = zlib.compressobj(9, zlib.DEFLATED, -15), size // len(chunk)
    first, block = (c.compress(b) + c.flush(zlib.Z_FULL_FLUSH) for b in (head, chunk))
    crc = zlib.crc32(head)
    for _ in range(times): crc = zlib.crc32(chunk, crc)
    return first + block * times + c.flush(), crc, len(head) + times * len(chunk)
def gzip_bomb(*what):
    data, crc, length = packed(*what)
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + data + struct.pack("<II", crc, length & 0xFFFFFFFF)
def npz_bomb(name, rows, width):
    """A zip with one array of zeros; its bytes are a multiple of the chunk."""
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {width}), }}".ljust(117) + "\n"
    data, crc, length = packed(b"\x93NUMPY\x01\0" + struct.pack("<H", 118) + text.encode(), rows * width * 4)
    entry = (name + ".npy").encode()
    fields = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 33, crc, len(data), length, len(entry), 0)
    local, central = b"PK\x03\x04" + fields + entry + data, b"PK\x01\x02\x14\0" + fields + struct.pack("<HHHII", 0, 0, 0, 0, 0) + entry
    return local + central + b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local), 0)
def idx_bomb(): return gzip_bomb(struct.pack(">IIII", 0x803, 2560, 1024, 1024), 2560 << 20)
def png(w, h):
    part = lambda kind, b: struct.pack(">I", len(b)) + kind + b + struct.pack(">I", zlib.crc32(kind + b))
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", struct.pack(">IIBBBBB", w, h, 1, 0, 0, 0, 0)) + \
        part(b"IDAT", zlib.compress(bytes((w + 7) // 8 + 1) * h, 9)) + part(b"IEND", b"")
def pictures(w, h, count, yaml): return {"img/images.yaml": yaml, **{f"img/{k % 2}/{k}.png": lambda: png(w, h) for k in range(count)}}
def recipe(*steps): return {"r.yaml": "version: 1\nsteps:\n" + "".join(f"  - {s}\n" for s in steps)}
def aliases():
    names = "abcdefghij"
    nested = "".join(f"{q}: &{q} [{','.join(['*' + p] * 9)}]\n" for p, q in zip(names, names[1:]))
    return "a: &a [" + ",".join("x" * 9) + "]\n" + nested + "version: 1\nsteps: *j\n"

RUN, FOLD, INFER = "run r.yaml m.onnx -o out.onnx", "apply fold-constants m.onnx -o ", "infer m.onnx --input m.npz -o out.npz"
LONG, PLAIN = "n" * 245 + ".onnx", recipe("fold-constants")
EVALUATE = "evaluate m.onnx --data "
TRAIN = "train m.onnx -o out.onnx --data d.npz --epochs 1000 --threads 1"
STOPPED = f'sh "$W" {TRAIN} & p=$!; while [ ! -e out.onnx.checkpoint ] && kill -0 $p; do sleep .02; done; kill -9 $p; wait $p; [ -e out.onnx.checkpoint ] '
CASES = [
    Case("a-state-folder", mlp, RUN + " --state precious", keeps("precious/notes.txt"), files={**PLAIN, "precious/notes.txt": "mine"}),
    Case("a-state-here", mlp, RUN + " --state .", keeps("notes.txt"), files={**PLAIN, "notes.txt": "mine"}),
    Case("b-report-is-output", mlp, "run r.yaml m.onnx -o o.onnx --report o.onnx", refuses("report|o.onnx"), files=PLAIN),
    Case("b-report-is-input", mlp, "run r.yaml m.onnx -o out.onnx --report m.onnx", input_kept, files=PLAIN),
    Case("c-save-is-input", mlp, RUN, input_kept, files=recipe("magnitude-pruning", "save: m")),
    Case("d-foreign-tmp", mlp, FOLD + "out.onnx", keeps("out.onnx.99999.tmp"), files={"out.onnx.99999.tmp": "mine"}),
    Case("e-dangling-link", mlp, ["sh ln -s target.onnx out.onnx", FOLD + "out.onnx"], link_kept),
    Case("f-long-name", mlp, FOLD + LONG, outputs(1e-6)),
    Case("g-external-link", unlabelled, ["sh mkdir in && mv m.onnx in && mv w.bin secret.bin && ln -s ../secret.bin in/w.bin", INFER.replace("m.o", "in/m.o")],
         refuses("w.bin"), external="w.bin"),
    Case("g-external-linked-folder", unlabelled, ["sh mkdir in && mv m.onnx in && ln -s ../sub in/sub", INFER.replace("m.o", "in/m.o")],
         refuses("w.bin"), external="sub/w.bin"),
    Case("g-stray-location", stray_location, "compare m.onnx m.onnx --data m.npz", prints("cosine|SQNR")),
    Case("h-full-device", mlp, 'sh "$W" inspect m.onnx > /dev/full', fails), Case("h-full-device-json", mlp, 'sh "$W" inspect m.onnx --json > /dev/full', fails),
    Case("i-alias-bomb", mlp, RUN, refuses("r.yaml"), seconds=10, files={"r.yaml": aliases}),
    Case("i-many-steps", mlp, RUN, ends, seconds=15, files=recipe(*["fold-constants"] * 100000)),
    Case("j-image-resize-huge", picture_net, EVALUATE + "img", refuses("images.yaml|resize|img"), files=pictures(1, 1, 2, "resize: 65536\n")),
    Case("j-image-resize-huge-long", picture_net, EVALUATE + "img", refuses("images.yaml|resize|img"), files=pictures(1000, 1, 2, "resize: 65536\n")),
    Case("j-image-long", picture_net, EVALUATE + "img", prints("top-1|accuracy"), files=pictures(1000, 1, 2, "resize: [8, 8]\n")),
    Case("j-image-bomb", picture_net, EVALUATE + "img", ends, files=pictures(10000, 10000, 2, "resize: [8, 8]\n")),
    Case("k-checkpoint-of-other-data", mlp, [STOPPED + "&& cp m.npz d.npz", TRAIN], resumed_right, files={"d.npz": old_data}),
    Case("k-checkpoint-of-the-same-data", mlp, [STOPPED, TRAIN], prints(), resumed_right, files={"d.npz": old_data}),
    Case("k-checkpoint-other-shape", mlp, [STOPPED + r"&& LC_ALL=C sed -i 's/\[12,8\]/[8,12]/g' out.onnx.checkpoint", TRAIN], ends, files={"d.npz": old_data}),
    *[Case(f"l-threads:{n}-{c.split()[0]}", wide, f"{c} --threads {n}", one_of(prints(), refuses("thread")), seconds=15)
      for n in (100000, 2147483647) for c in (INFER, "benchmark m.onnx --seconds 0.01")],
    Case("l-threads-environment", wide, f'sh OMP_NUM_THREADS=100000 "$W" {INFER}', one_of(prints(), refuses("thread")), seconds=15),
    Case("m-npz-bomb:other-array", mlp, EVALUATE + "b.npz", refuses(), files={"b.npz": lambda: npz_bomb("z", 160 << 10, 4096)}),
    Case("m-npz-bomb:input", mlp, INFER.replace("m.npz", "b.npz"), ends, files={"b.npz": lambda: npz_bomb("x", 16 << 20, 16)}),
    Case("m-idx-bomb", mlp, EVALUATE + "b-idx3-ubyte.gz", ends, files={"b-idx3-ubyte.gz": idx_bomb}),
]
