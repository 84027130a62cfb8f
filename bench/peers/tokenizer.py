"""Speed of Python's tokenizers and tiktoken in MB of UTF-8 a second of processor time, with a vocabulary in the form of tokenizer.json.

Run: python tokenizer.py TOKENIZER_JSON REPEATS; standard input is {name: [document, ...]}. Prints {peer: {name: rates}} as
dist/bench/tokenizer.js reads it. Decoding includes making the Python list that both libraries take.
"""

import hashlib
import json
import statistics
import struct
import sys
import time
import unicodedata

from tokenizers import Tokenizer


def byte_alphabet():
    """Characters of byte-level vocabularies to bytes (Radford et al. 2019)."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [b for b in range(256) if b not in printable]
    return {chr(b): b for b in printable} | {chr(0x100 + i): b for i, b in enumerate(others)}


class HuggingFace:
    def __init__(self, content):
        self.tokenizer = Tokenizer.from_str(content)
        self.tokenizer.encode_special_tokens = True

    def encode(self, text):
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def decode(self, ids):
        return self.tokenizer.decode(ids, skip_special_tokens=False)


class Tiktoken:
    """Ids stand for ranks, which holds for vocabularies whose merges are in the order of their ids."""

    def __init__(self, content):
        import tiktoken

        root = json.loads(content)
        alphabet = byte_alphabet()
        pre = root["pre_tokenizer"]
        splits = [s["pattern"]["Regex"] for s in pre.get("pretokenizers", []) if s["type"] == "Split"]
        gpt2 = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
        ranks = {bytes(alphabet[c] for c in token): i for token, i in root["model"]["vocab"].items()}
        self.nfc = (root.get("normalizer") or {}).get("type") == "NFC"
        self.encoding = tiktoken.Encoding("bench", pat_str=splits[0] if splits else gpt2, mergeable_ranks=ranks, special_tokens={})

    def encode(self, text):
        return self.encoding.encode_ordinary(unicodedata.normalize("NFC", text) if self.nfc else text)

    def decode(self, ids):
        return self.encoding.decode(ids)


def rates(make, documents, repeats):
    text = "".join(documents)
    size = len(text.encode())

    def rate(run):
        start = time.process_time()
        run()
        return size / 1e6 / (time.process_time() - start)

    def cold(run):
        side = make()
        side.encode("a")
        return rate(lambda: run(side))

    def each(side):
        for document in documents:
            side.encode(document)

    side = make()
    ids = side.encode(text)
    ids_of_each = [side.encode(document) for document in documents]
    times = lambda run: statistics.median(rate(run) for _ in range(repeats))
    return {
        "whole": times(lambda: side.encode(text)),
        "docs": times(lambda: each(side)),
        "decode": times(lambda: side.decode(ids)),
        "decodeDocs": times(lambda: [side.decode(some) for some in ids_of_each]),
        "wholeCold": cold(lambda one: one.encode(text)),
        "docsCold": cold(each),
        "sha256": hashlib.sha256(struct.pack(f"<{len(ids)}i", *ids)).hexdigest(),
    }


def main():
    content = open(sys.argv[1], encoding="utf-8").read()
    repeats = int(sys.argv[2])
    texts = json.load(sys.stdin)
    result = {}
    for name, kind in (("tokenizers", HuggingFace), ("tiktoken", Tiktoken)):
        try:
            result[name] = {key: rates(lambda: kind(content), documents, repeats) for key, documents in texts.items()}
        except Exception as error:
            print(f"{name} left out: {error!r}", file=sys.stderr)
    print(json.dumps(result))


main()
