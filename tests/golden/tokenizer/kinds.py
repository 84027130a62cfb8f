"""Tokenizers of every kind and what Python's `tokenizers` makes of texts with them.

Run: python kinds.py writes kinds.json: shapes of tokenizer.json by name, and samples of seeded random texts (made with tokenizers 0.23.3).
python kinds.py --answer: standard input is {"texts": [...]}; prints the texts without characters newer than Unicode 3.2, then a line a shape with what
it makes of them.
"""

import base64
import json
import pathlib
import random
import struct
import sys
import unicodedata

from tokenizers import Tokenizer

HERE = pathlib.Path(__file__).parent
SPACE = "\u2581"
LETTERS = list("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,!?'\"-()<>|#:;/&_")
OTHERS = list("éèüßñçøæœабвгдежзикλμσςπ漢字日本語かなカナ한국어علمसनमस्ते①½²ﬁ🙂👩👍…—“”«»¿¡€")
WORDS = ["the", "th", "he", "in", "er", "an", "ing", "on", "at", "cat", "and", "ll", "re", "st", "est", "aa", "aaaa", "ab", "ba", "12", "201", "é", "ér", "日本", "漢字", "привет", "🙂🙂", "...", "!!"]
BYTES = [f"<0x{b:02X}>" for b in range(256)]


def alphabet():
    bs = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    cs = bs[:] + [256 + i for i in range(68)]
    bs = bs + [b for b in range(256) if b not in bs]
    return {b: chr(c) for b, c in zip(bs, cs)}


ALPHABET = alphabet()


def spelled(text):
    return "".join(ALPHABET[b] for b in text.encode())


def unique(tokens):
    return list(dict.fromkeys(tokens))


def vocab(tokens):
    return {token: i for i, token in enumerate(unique(tokens))}


def merges_of(words, begin=lambda word: list(word), join=lambda a, b: a + b):
    """Merges from left to right that make each word; all that they make."""
    merges, made = [], []
    for word in words:
        parts = begin(word)
        while len(parts) > 1:
            pair = (parts[0], parts[1])
            if pair not in merges:
                merges.append(pair)
            parts[:2] = [join(*pair)]
            made.append(parts[0])
    return [list(pair) for pair in merges], made


def added(ids, *tokens):
    """Tokens by name, or (name, flags)."""
    out = []
    for token in tokens:
        name, flags = token if isinstance(token, tuple) else (token, {})
        base = {"id": ids[name], "content": name, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
        out.append({**base, **flags})
    return out


def file(model, normalizer=None, pre=None, post=None, decoder=None, tokens=()):
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": list(tokens),
        "normalizer": normalizer,
        "pre_tokenizer": pre,
        "post_processor": post,
        "decoder": decoder,
        "model": model,
    }


def seq(kind, *items):
    return {"type": "Sequence", kind: list(items)}


def normal(*items):
    return seq("normalizers", *items)


def pre(*items):
    return seq("pretokenizers", *items)


def dec(*items):
    return seq("decoders", *items)


def replace(old, new, kind="String"):
    return {"type": "Replace", "pattern": {kind: old}, "content": new}


def split(pattern, behavior="Isolated", invert=False, kind="Regex"):
    return {"type": "Split", "pattern": {kind: pattern}, "behavior": behavior, "invert": invert}


def metaspace(scheme="always", split=True):
    return {"type": "Metaspace", "replacement": SPACE, "prepend_scheme": scheme, "split": split}


def byte_level(add_prefix_space=False, use_regex=True, trim_offsets=True):
    return {"type": "ByteLevel", "add_prefix_space": add_prefix_space, "trim_offsets": trim_offsets, "use_regex": use_regex}


def template(single, pair, ids):
    def pieces(text):
        out = []
        for word in text.split():
            name, _, type_id = word.partition(":")
            kind = {"Sequence": {"id": name[1:], "type_id": int(type_id or 0)}} if name[0] == "$" else {"SpecialToken": {"id": name, "type_id": int(type_id or 0)}}
            out.append(kind)
        return out

    names = unique(w.partition(":")[0] for w in (single + " " + pair).split() if w[0] != "$")
    specials = {n: {"id": n, "ids": [ids[n]], "tokens": [n]} for n in names}
    return {"type": "TemplateProcessing", "single": pieces(single), "pair": pieces(pair), "special_tokens": specials}


def bert_normalizer(clean=True, chinese=True, accents=None, lower=True):
    return {"type": "BertNormalizer", "clean_text": clean, "handle_chinese_chars": chinese, "strip_accents": accents, "lowercase": lower}


def charsmap(rules):
    """A precompiled character map: a double array in which a child lies at the base XOR the byte (the layout of Darts-clone)."""
    texts, offsets = b"", {}
    for value in unique(rules.values()):
        offsets[value] = len(texts)
        texts += value.encode() + b"\0"
    trie = {}
    for key, value in rules.items():
        node = trie
        for byte in key.encode():
            node = node.setdefault(byte, {})
        node[0] = offsets[value]
    units, used = [0] * 256, {0}
    todo = [(trie, 0, 0)]
    while todo:
        node, place, label = todo.pop(0)
        base = 1
        while any((base ^ byte) in used for byte in node) or base in used or (place ^ base) >= 1 << 21:
            base += 1
        for byte in node:
            while (base ^ byte) >= len(units):
                units.extend([0] * 256)
            used.add(base ^ byte)
        used.add(base)
        leaf = 1 << 8 if 0 in node else 0
        units[place] = ((place ^ base) << 10) | leaf | label
        if 0 in node:
            units[base] = node[0] | 1 << 31
        todo += [(child, base ^ byte, byte) for byte, child in node.items() if byte != 0]
    blob = b"".join(struct.pack("<I", unit) for unit in units)
    return base64.b64encode(struct.pack("<I", len(blob)) + blob + texts).decode()


RULES = {"ﬁ": "fi", "①": "1", "½": "1/2", "\u3000": " ", "\t": " ", "\n": " ", "\u200d": "", "\u00ad": "", "é": "e\u0301", "e\u0301": "é", "か\u3099": "が", "🙂": ":-)", "²": "2", "…": "...", "\ufeff": "", "A": "a", "\u0301": "", "한": "han", "\r\n": " ", "👩\u200d": "W"}


def unigram_model(seed, byte_fallback=False, specials=("<pad>", "</s>", "<unk>"), lower=False):
    rng = random.Random(seed)
    tokens = list(specials) + (BYTES if byte_fallback else [])
    words = WORDS + [SPACE + w for w in WORDS] + [SPACE, SPACE * 2, SPACE + "a"]
    letters = [c for c in LETTERS if not lower or c == c.lower()]
    pieces = [(t, 0.0) for t in tokens]
    for word in unique(words + letters + [c for c in OTHERS if rng.random() < 0.6]):
        pieces.append((word, round(-2 - 10 * rng.random(), 4)))
    return {"type": "Unigram", "unk_id": tokens.index("<unk>"), "vocab": [list(p) for p in pieces], "byte_fallback": byte_fallback}, {t: i for i, (t, _) in enumerate(pieces)}


def word_piece(limit=100):
    words = unique(w.lower() for w in WORDS)
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + [c for c in LETTERS + OTHERS] + words + ["##" + c for c in LETTERS + OTHERS] + ["##" + w for w in words]
    return {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": limit, "vocab": vocab(tokens)}


def bpe(tokens, merges, **more):
    base = {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False}
    return {**base, "vocab": vocab(tokens), "merges": merges, **more}


def byte_bpe(specials=(), **more):
    words = [spelled(w) for w in WORDS + [" " + w for w in WORDS] + ["  ", "\n\n"]]
    merges, made = merges_of(words)
    return bpe(list(ALPHABET.values()) + made + list(specials), merges, **more)


def char_bpe(specials=("<unk>", "<s>", "</s>"), with_bytes=True, extra=(), **more):
    words = WORDS + [SPACE + w for w in WORDS] + [SPACE * 2, SPACE * 4]
    merges, made = merges_of(words)
    kept = OTHERS[::2] + sorted({c for w in WORDS for c in w})
    tokens = list(specials) + (BYTES if with_bytes else []) + [SPACE] + LETTERS + kept + made + list(extra)
    return bpe(tokens, merges, **{"unk_token": "<unk>", "fuse_unk": True, "byte_fallback": with_bytes, **more})


def word_level(extra=()):
    tokens = ["<unk>"] + WORDS + LETTERS + [SPACE + w for w in WORDS] + list(extra)
    return {"type": "WordLevel", "vocab": vocab(tokens), "unk_token": "<unk>"}


LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
CLIP = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
FLAGS = [
    ("<a>", {}),
    ("<aa>", {"lstrip": True}),
    ("<c d>", {"rstrip": True}),
    ("[MASK]", {"lstrip": True, "rstrip": True, "normalized": True, "special": False}),
    ("Cat", {"special": False, "normalized": True}),
    ("an", {"special": False, "single_word": True, "normalized": True}),
    ("a>", {"special": False}),
    ("é", {"special": False, "single_word": True, "lstrip": True}),
]


def shapes():
    """(name, tokenizer.json)"""
    llama_decoder = dec(replace(SPACE, " "), {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0})
    gemma_decoder = dec(replace(SPACE, " "), {"type": "ByteFallback"}, {"type": "Fuse"})
    specials = ["<unk>", "<s>", "</s>"]

    model = word_piece()
    ids = model["vocab"]
    tokens = added(ids, "[PAD]", "[UNK]", "[CLS]", "[SEP]", ("[MASK]", {"lstrip": True}))
    yield "bert", file(model, bert_normalizer(), {"type": "BertPreTokenizer"}, template("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", ids), {"type": "WordPiece", "prefix": "##", "cleanup": True}, tokens)
    post = {"type": "BertProcessing", "sep": ["[SEP]", ids["[SEP]"]], "cls": ["[CLS]", ids["[CLS]"]]}
    yield "bert cased", file(word_piece(6), bert_normalizer(clean=False, lower=False), {"type": "BertPreTokenizer"}, post, {"type": "WordPiece", "prefix": "##", "cleanup": False}, tokens)

    model, ids = unigram_model(1)
    yield "t5", file(model, {"type": "Precompiled", "precompiled_charsmap": charsmap(RULES)}, metaspace(), template("$A </s>", "$A </s> $B:1 </s>:1", ids), metaspace(), added(ids, *list(ids)[:3]))
    model, ids = unigram_model(2, specials=("<s>", "<pad>", "</s>", "<unk>"))
    normalizer = normal({"type": "Precompiled", "precompiled_charsmap": charsmap(RULES)}, replace(" {2,}", " ", "Regex"))
    yield "xlm-roberta", file(model, normalizer, pre({"type": "WhitespaceSplit"}, metaspace()), template("<s> $A </s>", "<s> $A </s> </s> $B </s>", ids), metaspace(), added(ids, *list(ids)[:4]))
    model, ids = unigram_model(3, specials=("<pad>", "<unk>", "[CLS]", "[SEP]"), lower=True)
    normalizer = normal(replace("``", '"'), replace("''", '"'), {"type": "NFKD"}, {"type": "StripAccents"}, {"type": "Lowercase"}, {"type": "Precompiled", "precompiled_charsmap": charsmap(RULES)})
    yield "albert", file(model, normalizer, metaspace(), template("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", ids), metaspace(), added(ids, *list(ids)[:4]))
    model, ids = unigram_model(4, True, specials)
    yield "unigram with bytes", file(model, replace(" ", SPACE), None, template("<s> $A", "<s> $A <s> $B:1", ids), gemma_decoder, added(ids, *specials))

    model = char_bpe()
    ids = model["vocab"]
    bos = template("<s> $A", "<s> $A <s>:1 $B:1", ids)
    legacy = normal({"type": "Prepend", "prepend": SPACE}, replace(" ", SPACE))
    yield "llama 2", file(model, legacy, None, bos, llama_decoder, added(ids, *specials))
    yield "llama 2, metaspace", file(model, None, metaspace("first", False), bos, llama_decoder, added(ids, *specials))
    yield "gemma", file(model, replace(" ", SPACE), split(" ", "MergedWithPrevious", kind="String"), bos, gemma_decoder, added(ids, *specials))
    model = char_bpe(extra=["<a>", "<aa>", "<c d>", "[MASK]", "Cat", "a>"])
    yield "phi 3", file(model, legacy, None, None, llama_decoder, added(model["vocab"], "<unk>", *FLAGS))
    yield "first of a changed text", file(model, normal({"type": "Strip", "strip_left": True, "strip_right": False}, {"type": "NFKC"}), metaspace("first"), None, llama_decoder, added(model["vocab"], *FLAGS[:4]))
    yield "characters without bytes", file(char_bpe(with_bytes=False), None, metaspace("never"), None, metaspace("never"), added(model["vocab"], "<unk>"))
    yield "unknown characters one by one", file(char_bpe(with_bytes=False, fuse_unk=False, ignore_merges=True), {"type": "Nmt"}, metaspace(), None, metaspace())
    some = [b for b in BYTES if b not in ("<0xE6>", "<0xD0>")]
    model = char_bpe(extra=some, byte_fallback=True, with_bytes=False)
    model["byte_fallback"] = True
    yield "some bytes", file(model, None, metaspace(), None, gemma_decoder)

    model = byte_bpe(["<s>", "</s>", "<mask>"])
    ids = model["vocab"]
    post = {"type": "RobertaProcessing", "sep": ["</s>", ids["</s>"]], "cls": ["<s>", ids["<s>"]], "trim_offsets": True, "add_prefix_space": False}
    yield "roberta", file(model, None, byte_level(), post, byte_level(True), added(ids, "<s>", "</s>", ("<mask>", {"lstrip": True})))
    yield "gpt 2, a space in front", file(byte_bpe(), None, byte_level(True), byte_level(True), byte_level(True))
    model = byte_bpe(["<|begin|>", "<|end|>"], ignore_merges=True)
    ids = model["vocab"]
    llama3 = pre(split(LLAMA3), byte_level(use_regex=False))
    post = seq("processors", byte_level(), template("<|begin|> $A", "<|begin|> $A <|begin|>:1 $B:1", ids))
    yield "llama 3", file(model, None, llama3, post, byte_level(True), added(ids, "<|begin|>", "<|end|>"))
    yield "qwen 2", file(byte_bpe(), {"type": "NFC"}, llama3, byte_level(trim_offsets=False), byte_level())
    yield "cohere", file(byte_bpe(), {"type": "NFC"}, pre({"type": "Digits", "individual_digits": True}, byte_level()), None, byte_level())
    model = byte_bpe([name for name, _ in FLAGS])
    yield "flags", file(model, normal({"type": "NFD"}, {"type": "Lowercase"}), llama3, byte_level(), byte_level(), added(model["vocab"], *FLAGS))
    yield "bytes by the normalizer", file(byte_bpe(unk_token="a"), {"type": "ByteLevel"}, split(" ", "Contiguous", kind="String"), None, byte_level())

    words, made = merges_of([spelled(w) for w in WORDS], lambda w: list(w[:-1]) + [w[-1] + "</w>"])
    ends = [c + "</w>" for c in ALPHABET.values()]
    model = bpe(list(ALPHABET.values()) + ends + made + ["<|startoftext|>", "<|endoftext|>"], words, unk_token="<|endoftext|>", end_of_word_suffix="</w>", continuing_subword_prefix="")
    ids = model["vocab"]
    post = {"type": "RobertaProcessing", "sep": ["<|endoftext|>", ids["<|endoftext|>"]], "cls": ["<|startoftext|>", ids["<|startoftext|>"]], "trim_offsets": False, "add_prefix_space": False}
    normalizer = normal({"type": "NFC"}, replace(r"\s+", " ", "Regex"), {"type": "Lowercase"})
    yield "clip", file(model, normalizer, pre(split(CLIP, "Removed", True), byte_level()), post, byte_level(), added(ids, "<|startoftext|>", "<|endoftext|>"))
    words, made = merges_of(WORDS, lambda w: list(w[:-1]) + [w[-1] + "</w>"])
    model = bpe(["<unk>"] + LETTERS + [c + "</w>" for c in LETTERS + OTHERS + sorted({c for w in WORDS for c in w})] + made + sorted({c for w in WORDS for c in w}), words, unk_token="<unk>", end_of_word_suffix="</w>")
    yield "openai gpt", file(model, bert_normalizer(), {"type": "BertPreTokenizer"}, None, {"type": "BPEDecoder", "suffix": "</w>"})
    words, made = merges_of(WORDS, lambda w: [w[0]] + ["##" + c for c in w[1:]], lambda a, b: a + b[2:])
    letters = LETTERS + sorted({c for w in WORDS for c in w})
    model = bpe(["<unk>"] + letters + ["##" + c for c in letters] + made, words, unk_token="<unk>", continuing_subword_prefix="##")
    yield "prefixes", file(model, None, {"type": "Whitespace"}, None, {"type": "WordPiece", "prefix": "##", "cleanup": True})

    normalizer = normal({"type": "Strip", "strip_left": True, "strip_right": True}, {"type": "NFD"}, {"type": "StripAccents"}, {"type": "Lowercase"})
    yield "words", file(word_level(), normalizer, {"type": "Whitespace"}, None, None)
    yield "ctc", file(word_level(["<pad>"]), None, {"type": "CharDelimiterSplit", "delimiter": "|"}, None, {"type": "CTC", "pad_token": "a", "word_delimiter_token": "|", "cleanup": True})
    cuts = {
        "previous": split(r"[aeiou]|\s", "MergedWithPrevious"),
        "next": split(r"[aeiou]|\s+", "MergedWithNext"),
        "contiguous": split(r"[aeiou]", "Contiguous"),
        "inverted": split(r"[aeiou]+", "MergedWithNext", True),
        "inverted, contiguous": split(r"\p{L}", "Contiguous", True),
        "a string": split("an", "Removed", kind="String"),
        "a string, inverted": split("a", "Isolated", True, kind="String"),
        "empty matches": split(r"(?=[A-Z])", "Isolated"),
        "empty matches joined": split(r"b*", "MergedWithNext"),
        "punctuation": {"type": "Punctuation", "behavior": "MergedWithPrevious"},
        "punctuation removed": {"type": "Punctuation", "behavior": "Removed"},
        "digits": {"type": "Digits", "individual_digits": False},
        "fixed": {"type": "FixedLength", "length": 3},
        "metaspace": pre(metaspace("always", False), metaspace("never")),
    }
    for name, cut in cuts.items():
        yield f"cut: {name}", file(word_level(), None, cut, None, None)
    fixed = {"type": "FixedLength", "length": 2}
    changes = {
        "NFC": {"type": "NFC"},
        "NFD": {"type": "NFD"},
        "NFKC": {"type": "NFKC"},
        "NFKD": {"type": "NFKD"},
        "Lowercase": {"type": "Lowercase"},
        "StripAccents": normal({"type": "NFD"}, {"type": "StripAccents"}),
        "Nmt": {"type": "Nmt"},
        "Prepend": {"type": "Prepend", "prepend": "ab\u2581"},
        "Replace": replace("[aeiou]", "", "Regex"),
        "Replace, longer": replace("a", "漢字x"),
        "Replace, empty": replace("^", "> ", "Regex"),
        "Bert": bert_normalizer(),
        "ByteLevel": {"type": "ByteLevel"},
        "Precompiled": {"type": "Precompiled", "precompiled_charsmap": charsmap(RULES)},
        "several": normal({"type": "Prepend", "prepend": SPACE}, {"type": "NFKC"}, {"type": "Strip", "strip_left": False, "strip_right": True}, {"type": "NFD"}, replace(" ", "  ")),
    }
    for name, change in changes.items():
        yield f"change: {name}", file(word_level(), change, fixed, None, None)
    steps = {
        "strip": dec({"type": "Strip", "content": "a", "start": 1, "stop": 0}, {"type": "Fuse"}),
        "strip the whole": dec({"type": "Fuse"}, {"type": "Strip", "content": "a", "start": 2, "stop": 1}),
        "replace the whole": dec({"type": "Fuse"}, replace("aa", "b"), replace("(b|c)+", "[\\0]", "Regex")),
        "pieces of a whole": dec({"type": "Fuse"}, {"type": "WordPiece", "prefix": "a", "cleanup": True}),
        "metaspace of a whole": dec({"type": "Fuse"}, metaspace("first")),
        "none": None,
    }
    for name, step in steps.items():
        yield f"decode: {name}", file(word_level(), None, {"type": "FixedLength", "length": 1}, None, step)


COMMON = ["a", "an", "the", "cat", "Cat", " ", " ", "  ", "the ", " and", "ing", "'ll", "n't", "\n", "\t", "\r\n", ".", ",", "!", "...", "12", "2014", "é", "e\u0301", "É", "ǆ", "İ", "Σ", "ß", "ﬁ", "漢字", "日本", "が", "か\u3099", "привет", "한국", "\u1112\u1161\u11ab", "🙂", "🙂🙂", "👩\u200d👩\u200d👧", "👍🏽", "🇫🇷", "\u200d", "\u0301", "\u0327\u0301", "\u0315\u0300\u05ae", "\u2581", "\u0000", "\u00a0", "\u3000", "\ufeff", "\u00ad", "\ufffd", "aaaa", "<a>", "<aa>", "<c d>", "[MASK]", "a>", "<unk>", "</s>", "[CLS]", "|", "<0x41>", "①", "½", "नि", "ते", "क्षि", "ลำ", "\u0e33", "\u0600a", "©", "☺\ufe0f", "Ω", "K", "Å", "\u0958"]


def random_text(rng, characters):
    def one():
        kind = rng.random()
        if kind < 0.8:
            return rng.choice(COMMON)
        return rng.choice(characters) if kind < 0.95 else rng.choice(COMMON) * rng.randint(1, 12)

    return "".join(one() for _ in range(rng.randint(0, 16)))


def old_characters():
    old = unicodedata.ucd_3_2_0
    return [chr(c) for c in range(0x110000) if old.category(chr(c)) not in ("Cn", "Cs", "Co")]


def encoded(encoding):
    digits = lambda numbers: "".join(str(n) for n in numbers)
    return {"ids": encoding.ids, "offsets": [n for pair in encoding.offsets for n in pair], "types": digits(encoding.type_ids), "special": digits(encoding.special_tokens_mask)}


LIMITS = [(7, "right", "longest_first"), (8, "left", "longest_first"), (11, "right", "only_first"), (9, "left", "only_second"), (4, "right", "only_first")]


def answer(json_text, texts):
    """What one shape makes of texts; pairs are of a text and the next one."""
    tokenizer = Tokenizer.from_str(json_text)
    size = tokenizer.get_vocab_size()
    rng = random.Random(size)
    out = {"plain": [], "allowed": [], "pairs": [], "cut": [], "decoded": []}
    tokenizer.encode_special_tokens = True
    for text in texts:
        out["plain"].append(encoded(tokenizer.encode(text)))
    tokenizer.encode_special_tokens = False
    for i, text in enumerate(texts):
        result = tokenizer.encode(text)
        out["allowed"].append(encoded(result))
        following = texts[(i + 1) % len(texts)]
        out["pairs"].append(encoded(tokenizer.encode(text, following)))
        random_ids = [rng.randrange(size) for _ in range(rng.randint(1, 12))]
        for ids in (result.ids or [0], random_ids):
            out["decoded"].append({"ids": ids, "text": decode(tokenizer, ids, False), "skipped": decode(tokenizer, ids, True)})
    for length, side, strategy in LIMITS:
        tokenizer.enable_truncation(length, direction=side, strategy=strategy)
        tokenizer.enable_padding(direction=side, pad_id=1, length=None, pad_to_multiple_of=4)
        for i, text in enumerate(texts[:40]):
            case = {"limit": LIMITS.index((length, side, strategy)), "text": i}
            try:
                out["cut"].append({**case, "row": encoded(tokenizer.encode(text, texts[(i + 1) % len(texts)]))})
            except BaseException:
                out["cut"].append({**case, "row": None})
    return out


def decode(tokenizer, ids, skip):
    """None where `tokenizers` ends in a panic: no tokens for BPEDecoder, fewer characters than Strip takes."""
    try:
        return tokenizer.decode(ids, skip_special_tokens=skip)
    except BaseException:
        return None


def main():
    if sys.argv[1:] == ["--answer"]:
        known = set(old_characters()) | set("".join(COMMON))
        texts = ["".join(c for c in text if c in known) for text in json.load(sys.stdin)["texts"]]
        print(json.dumps(texts))
        for name, shape in shapes():
            print(json.dumps({"name": name, "json": shape, **answer(json.dumps(shape), texts)}))
        return
    rng = random.Random(31)
    characters = old_characters()
    texts = [random_text(rng, characters) for _ in range(6)] + ["", "the cat"]
    models, cases = [], []
    for name, shape in shapes():
        made = answer(json.dumps(shape), texts)
        made["cut"] = [case for case in made["cut"] if case["text"] == 0]
        kept = {"allowed": 1, "pairs": 1, "decoded": 3}
        made = {key: some[: kept.get(key)] for key, some in made.items()}
        if shape["model"] not in models:
            models.append(shape["model"])
        cases.append({"name": name, "json": {**shape, "model": models.index(shape["model"])}, **made})
    text = json.dumps({"texts": texts, "models": models, "cases": cases}, ensure_ascii=False, separators=(",", ":"))
    (HERE / "kinds.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
