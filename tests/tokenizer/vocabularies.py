"""Encodes texts with tokenizer.json files that ownlm made of GGUF vocabularies.

Run: python vocabularies.py FILE...; standard input is a JSON list of texts. Prints a list of lists of ids for each file.
"""

import json
import sys

from tokenizers import Tokenizer

texts = json.load(sys.stdin)
print(json.dumps([[Tokenizer.from_file(file).encode(text, add_special_tokens=False).ids for text in texts] for file in sys.argv[1:]]))
