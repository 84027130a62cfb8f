"""Reads a GGUF file with Python's gguf and prints what it holds as JSON.

Run: python read_gguf.py FILE
Prints {"version", "fields": {key: value}, "tensors": {name: {"shape", "type", "values"}}}; values are dequantised, rows before columns.
"""

import json
import sys

from gguf import GGUFReader
from gguf.quants import dequantize

reader = GGUFReader(sys.argv[1])
tensors = {
    t.name: {
        "shape": [int(n) for n in reversed(t.shape)],
        "type": t.tensor_type.name,
        "values": [float(x) for x in dequantize(t.data, t.tensor_type).reshape(-1)],
    }
    for t in reader.tensors
}
fields = {name: field.contents() for name, field in reader.fields.items() if not name.startswith("GGUF.")}
print(json.dumps({"version": int(reader.fields["GGUF.version"].contents()), "fields": fields, "tensors": tensors}))
