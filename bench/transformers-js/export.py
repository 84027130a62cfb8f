"""Makes an ONNX model for transformers.js of a folder in Hugging Face's layout, by ONNX Runtime GenAI's model builder.

Matrices are MatMulNBits of 4 bits in blocks of 32 (the head and embedding too), attention is GroupQueryAttention, and the
head sees the last token alone. Run: python export.py FOLDER OUT, which gets onnx/model_q4.onnx and the JSON files.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import onnx


def name_cache_width(model, width):
    """transformers.js makes its first, empty cache by the inputs' shapes, and takes dimensions it does not know for 0."""
    for value in [*model.graph.input, *model.graph.output]:
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param == "kv_cache_dim":
                dim.dim_value = width


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    c = parser.parse_args()
    config = json.loads((c.folder / "config.json").read_text())
    (c.out / "onnx").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=c.out) as scratch:
        what = ["-i", c.folder, "-o", scratch, "-c", scratch, "-p", "int4", "-e", "cpu"]
        builder = [sys.executable, "-m", "onnxruntime_genai.models.builder"]
        subprocess.run([*builder, *what, "--extra_options", "prune_lm_head=true"], check=True)
        model = onnx.load(Path(scratch) / "model.onnx")
    name_cache_width(model, config["head_dim"])
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        shutil.copy(c.folder / name, c.out / name)
    # Last and at once: who finds it finds all.
    onnx.save(model, c.out / "onnx/model_q4.onnx.tmp")
    (c.out / "onnx/model_q4.onnx.tmp").rename(c.out / "onnx/model_q4.onnx")


main()
