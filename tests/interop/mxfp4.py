"""Prints what transformers makes of experts in MXFP4.

Run: python mxfp4.py FILE
FILE is a safetensors file with the tensors up_blocks and up_scales; prints {"shape", "values"} of the weight.
"""

import json
import sys

import torch
from safetensors.torch import load_file
from transformers.integrations.mxfp4 import convert_moe_packed_tensors

tensors = load_file(sys.argv[1])
weight = convert_moe_packed_tensors(tensors["up_blocks"], tensors["up_scales"], dtype=torch.bfloat16).float()
# JSON has no zero below zero.
values = ["-0" if x == 0 and str(x) == "-0.0" else x for x in weight.reshape(-1).tolist()]
print(json.dumps({"shape": list(weight.shape), "values": values}))
