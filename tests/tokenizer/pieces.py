"""Pre-tokens as Python's tokenizers makes them.

Run: python pieces.py; standard input is {"preTokenizer", "texts"}. Prints a list of pieces, in the byte alphabet, for each text.
"""

import json
import sys

from tokenizers import Tokenizer

request = json.load(sys.stdin)
content = {
    "version": "1.0",
    "truncation": None,
    "padding": None,
    "added_tokens": [],
    "normalizer": None,
    "pre_tokenizer": request["preTokenizer"],
    "post_processor": None,
    "decoder": None,
    "model": {"type": "BPE", "vocab": {"a": 0}, "merges": []},
}
pre = Tokenizer.from_str(json.dumps(content)).pre_tokenizer
print(json.dumps([[piece for piece, _ in pre.pre_tokenize_str(text)] for text in request["texts"]]))
