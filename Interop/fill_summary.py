"""Fills `onnxruntimeTop1` into out/demo/summary.json: the same files and images, run in ONNX Runtime."""

import json
import sys
from pathlib import Path

from runtimes import test_split, top1

root = Path(__file__).resolve().parent.parent
path = Path(sys.argv[1]) if len(sys.argv) > 1 else root / "out/demo/summary.json"
folders = [Path("/usr/share/datasets/fashion-mnist"), root / ".deps/usr/share/datasets/fashion-mnist"]
images, labels = test_split(next(folder for folder in folders if folder.is_dir()))
rows = json.loads(path.read_text())
for row in rows:
    row["onnxruntimeTop1"] = top1(root / row["file"], images, labels)
    difference = 100 * (row["onnxruntimeTop1"] - row["top1"])
    print(f"{row['file']}: winnow {row['top1']:.4f}, onnxruntime {row['onnxruntimeTop1']:.4f} ({difference:+.2f} points)")
path.write_text(json.dumps(rows, indent=2, sort_keys=True) + "\n")
