"""Makes training.json, pieces.json and added.json: what Python's `tokenizers` makes of generated text.

Run: python make.py (tokenizers; made with 0.23). The texts are random and seeded; characters are those of Unicode 3.2,
so that the Unicode version of either side does not matter.
"""

import json
import pathlib
import random
import sys
import unicodedata

from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

HERE = pathlib.Path(__file__).parent
CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
PATTERNS = {"llama3": CONTRACTIONS + r"\p{N}{1,3}" + REST, "qwen2": CONTRACTIONS + r"\p{N}" + REST}
# Patterns that only the translator handles, with their behaviour.
SPLITS = [
    [r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s+", "isolated", False],
    [r"[0-9][0-9]?[0-9]?", "isolated", False],
    [r"\s?[!-/:-~！-／：-～‘-‟　-。]+", "isolated", False],
    [r"[\r\n]", "isolated", False],
    [r"\s+$", "isolated", False],
    [r"^\S+", "isolated", False],
    [r"\p{Han}+|\P{Han}", "removed", True],
    [r"(?i:kS|'ll)\d?", "removed", False],
    [r".", "removed", True],
    [r"(?<=\d)\D(?=\d)|\x{41}|\u0061", "isolated", False],
    [r"(?:\r?\n)+?|[^\d\-\]]{2,3}", "isolated", False],
]
COMMON = list("aaabcdeest  \n\r\t'.,-!019AZ") + ["'s", "'S", "'ll", "'RE", "'\u017f", " the", "  ", "\r\n", "\n\n", " 123456", "\u0301"]
BLANKS = list("\t\n\v\f\r\x1c\x1f\x20\x85\xa0\u1680\u180e\u2003\u200b\u2028\u2029\u202f\u205f\u3000\ufeff\x00")


def old_characters():
    old = unicodedata.ucd_3_2_0
    return [chr(c) for c in range(0x110000) if old.category(chr(c)) not in ("Cn", "Cs", "Co")]


def random_text(rng, characters, length):
    def one():
        kind = rng.random()
        if kind < 0.55:
            return rng.choice(COMMON)
        return rng.choice(BLANKS) if kind < 0.75 else rng.choice(characters)

    return "".join(one() for _ in range(length))


def pre_tokenizer(name):
    if name == "gpt2":
        return pre_tokenizers.ByteLevel(add_prefix_space=False)
    split = pre_tokenizers.Split(Regex(PATTERNS[name]), "isolated")
    return pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def pieces(rng, characters):
    texts = [random_text(rng, characters, rng.randint(0, 40)) for _ in range(150)]
    def cut(stage):
        return [[piece for piece, _ in stage.pre_tokenize_str(text)] for text in texts]

    split = {name: pre_tokenizers.Split(Regex(pattern), "isolated") for name, pattern in PATTERNS.items()}
    # ByteLevel spells its pieces in bytes, so GPT-2's pattern is given as a Split.
    gpt2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
    split["gpt2"] = pre_tokenizers.Split(Regex(gpt2), "isolated")
    split["digits"] = pre_tokenizers.Digits(individual_digits=True)
    split["digit runs"] = pre_tokenizers.Digits(individual_digits=False)
    others = [pre_tokenizers.Split(Regex(pattern), behavior, invert) for pattern, behavior, invert in SPLITS]
    return {
        "texts": texts,
        "named": {name: cut(stage) for name, stage in split.items()},
        "splits": [
            {"pattern": p, "behavior": b.capitalize(), "invert": i, "pieces": cut(stage)[:60]}
            for (p, b, i), stage in zip(SPLITS, others)
        ],
    }


def words_text(rng, words, count):
    return "".join(rng.choice(words) for _ in range(count))


def training(rng, characters):
    cases = []
    syllables = ["ba", "ke", "to", "mi", "sa", "re", "the", "ing", "st"]
    words = [" " + "".join(rng.choices(syllables, k=rng.randint(1, 4))) for _ in range(80)]
    plain = [words_text(rng, words + [".", "\n", ", 12", "'s"], 160) for _ in range(4)]
    mixed = [random_text(rng, characters, 60) for _ in range(20)]
    runs = ["a" * n for n in (1, 2, 3, 4, 7, 9, 16, 31)] + ["ab" * 9, " " * 12, "aab" * 5, "abab aabb" * 3]
    settings = [
        ("gpt2", plain, 400, ["<|endoftext|>"], 0),
        ("llama3", plain, 420, ["<s>", "</s>", " the", "ing", "!"], 0),
        ("qwen2", plain, 10000, [], 2),
        ("gpt2", mixed, 600, ["<|endoftext|>"], 0),
        ("llama3", mixed, 100000, [], 0),
        ("qwen2", mixed, 500, ["<|im_start|>", "<|im_end|>"], 3),
        ("gpt2", runs, 330, [], 0),
        ("gpt2", ["abcabdabcab cab" * 3, "abc bcd abcd"] + runs, 100000, ["ab", "abc", "aaaa", "aa"], 0),
        ("gpt2", [], 300, ["<|endoftext|>"], 0),
        ("gpt2", plain, 257, ["<|endoftext|>"], 0),
    ]
    for name, texts, vocab_size, specials, min_frequency in settings:
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizer(name)
        if name == "qwen2":
            tokenizer.normalizer = normalizers.NFC()
        trainer = trainers.BpeTrainer(
            vocab_size=vocab_size,
            min_frequency=min_frequency,
            special_tokens=specials,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        tokenizer.train_from_iterator(texts, trainer)
        model = json.loads(tokenizer.to_str())["model"]
        vocab = sorted(model["vocab"], key=model["vocab"].get)
        # With special tokens as text, as ownlm encodes by default.
        tokenizer.encode_special_tokens = True
        samples = texts[:3] + mixed[:5] + runs[-4:]
        cases.append(
            {
                "preTokenizer": name,
                "texts": texts,
                "vocabSize": vocab_size,
                "specialTokens": specials,
                "minFrequency": min_frequency,
                "learned": vocab[len(set(specials) | set(pre_tokenizers.ByteLevel.alphabet())):],
                "merges": [" ".join(merge) for merge in model["merges"]],
                "samples": [{"text": text, "ids": tokenizer.encode(text).ids} for text in samples],
            }
        )
    return cases


def added(rng):
    """Added tokens of every kind, templates and unknown bytes around a small vocabulary."""
    texts = ["".join(rng.choices(["<a>", "<aa>", "a>", "<b>", "<", " ", "x", "caf\u00e9", "cafe\u0301", "\n", "<c d>", "1"], k=rng.randint(0, 12))) for _ in range(60)]
    bytes_ = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocab = {c: i for i, c in enumerate(bytes_)}
    vocab["ca"] = 256
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=[("c", "a")]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.normalizer = normalizers.NFC()
    from tokenizers import decoders

    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken("<a>", normalized=False), AddedToken("<aa>", lstrip=True), AddedToken("<c d>", rstrip=True)])
    tokenizer.add_tokens([AddedToken("<b>", lstrip=True, rstrip=True), AddedToken("caf\u00e9", normalized=True), AddedToken("a>", normalized=False)])
    template = processors.TemplateProcessing(single="<a> $A <aa>", special_tokens=[("<a>", 257), ("<aa>", 258)])
    tokenizer.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), template])
    result = {"json": json.loads(tokenizer.to_str()), "samples": []}
    for text in texts:
        tokenizer.encode_special_tokens = False
        allowed = tokenizer.encode(text).ids
        tokenizer.encode_special_tokens = True
        plain = tokenizer.encode(text, add_special_tokens=False).ids
        result["samples"].append({"text": text, "allowed": allowed, "plain": plain, "skipped": tokenizer.decode(allowed, skip_special_tokens=True)})
    return result


def write(name, value):
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    (folder / name).write_text(text + "\n")


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    rng = random.Random(20)
    characters = old_characters()
    write("pieces.json", pieces(rng, characters))
    write("training.json", training(rng, characters))
    write("added.json", added(rng))
