"""Loads folders that ownlm wrote with tokenizers and transformers and prints what they make of texts.

Run: python interop.py FOLDER; standard input is a JSON list of texts. Prints {"ids", "texts"} as tokenizers gives them, and
{"autoIds", "autoTexts", "bos", "eos"} as transformers does.
"""

import json
import sys

from tokenizers import Tokenizer
from transformers import AutoTokenizer

folder = sys.argv[1]
texts = json.load(sys.stdin)
plain = Tokenizer.from_file(folder + "/tokenizer.json")
plain.encode_special_tokens = True
auto = AutoTokenizer.from_pretrained(folder, split_special_tokens=True)
ids = [plain.encode(text).ids for text in texts]
auto_ids = [auto(text)["input_ids"] for text in texts]
print(
    json.dumps(
        {
            "ids": ids,
            "texts": [plain.decode(some, skip_special_tokens=False) for some in ids],
            "autoIds": auto_ids,
            "autoTexts": [auto.decode(some) for some in auto_ids],
            "bos": auto.bos_token,
            "eos": auto.eos_token,
            "maxLength": auto.model_max_length,
        }
    )
)
