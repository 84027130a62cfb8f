"""Writes blocks.safetensors and values.gguf with the Python package `gguf`. Needs gguf, numpy and safetensors.

    python tests/golden/gguf/make.py
"""

import pathlib

import numpy as np
from gguf import GGMLQuantizationType, GGUFValueType, GGUFWriter
from gguf.constants import GGML_QUANT_SIZES
from gguf.quants import dequantize, quantize
from safetensors.numpy import save_file

HERE = pathlib.Path(__file__).parent
FORMATS = "F16 BF16 Q8_0 Q4_0 Q4_1 Q5_0 Q5_1 Q2_K Q3_K Q4_K Q5_K Q6_K IQ4_NL IQ4_XS MXFP4".split()
# Where a block's binary16 scales are.
HALVES = {"Q4_1": (0, 2), "Q5_1": (0, 2), "Q2_K": (80, 82), "Q3_K": (108,), "Q4_K": (0, 2), "Q5_K": (0, 2), "Q6_K": (208,)}


def random_blocks(name, rng):
    """Random bits with scales of every kind: common ones, a subnormal, zero, negative ones."""
    elements, size = GGML_QUANT_SIZES[GGMLQuantizationType[name]]
    if elements == 1:
        values = np.concatenate([rng.normal(size=250), [0.0, -0.0, 6e-8, -1e-5, 65504.0, 1.0]]).astype(np.float32)
        return quantize(values, GGMLQuantizationType[name]).view(np.uint8)
    blocks = rng.integers(0, 256, (512 // elements, size), dtype=np.uint8)
    if name == "MXFP4":
        blocks[:, 0] = np.resize([0, 1, 2, 127, 120, 133, 200, 250], len(blocks))
    else:
        scales = np.array([0.01, -0.5, 6e-7, 1.5, 0, 123, 3e-5, 0.25], np.float16)
        for k, at in enumerate(HALVES.get(name, (0,))):
            blocks[:, at : at + 2] = np.resize(np.roll(scales, k), len(blocks)).view(np.uint8).reshape(-1, 2)
    return blocks


def blocks():
    rng = np.random.default_rng(1)
    tensors = {}
    for name in FORMATS:
        data = random_blocks(name, rng)
        tensors[f"{name}.bytes"] = data.reshape(-1)
        tensors[f"{name}.values"] = dequantize(data, GGMLQuantizationType[name]).reshape(-1)
    values = rng.normal(size=(12, 32)).astype(np.float32)
    values[1] = 0
    values[2] *= 1e-6  # scales below binary16's normal numbers
    values[3] *= 1e-9  # and below all of them
    values[4] = np.arange(32) - 16
    values[5] = (np.arange(32) - 15.5) * 127 / 15.5  # halves to round
    values[6] = -np.arange(32) / 7
    values[7, 3:] = 0
    values[8] *= 1e4
    values[9] = np.tile([1, -1], 16)  # the first of equal extremes counts
    values[10] = np.tile([-1, 1], 16)
    tensors["quantised.from"] = values.reshape(-1)
    for name in ["F16", "BF16", "Q8_0", "Q4_0"]:
        tensors[f"quantised.{name}"] = quantize(values, GGMLQuantizationType[name]).view(np.uint8).reshape(-1)
    save_file(tensors, HERE / "blocks.safetensors")


def values():
    writer = GGUFWriter(HERE / "values.gguf", "llama")
    for kind, number in [("UINT8", 200), ("INT8", -100), ("UINT16", 60000), ("INT16", -30000), ("UINT32", 2**32 - 1)]:
        writer.add_key_value(f"test.{kind.lower()}", number, GGUFValueType[kind])
    for kind, number in [("INT32", -(2**31)), ("FLOAT32", 1.5), ("BOOL", True), ("UINT64", 2**64 - 1), ("INT64", -5), ("FLOAT64", 0.1)]:
        writer.add_key_value(f"test.{kind.lower()}", number, GGUFValueType[kind])
    writer.add_string("test.string", "naïve 🙂 日本")
    writer.add_array("test.strings", ["a", "Ġthe", "日本", "", "x" * 100])
    writer.add_array("test.ints", [1, -2, 3])
    writer.add_array("test.floats", [0.5, -1.5])
    writer.add_array("test.bools", [True, False, True])
    writer.add_custom_alignment(64)
    rng = np.random.default_rng(2)
    writer.add_tensor("plain", rng.normal(size=(3, 5)).astype(np.float32))
    writer.add_tensor("half", rng.normal(size=(2, 3, 4)).astype(np.float16))
    writer.add_tensor("blocks", quantize(rng.normal(size=(3, 64)).astype(np.float32), GGMLQuantizationType.Q8_0), raw_dtype=GGMLQuantizationType.Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


blocks()
values()
