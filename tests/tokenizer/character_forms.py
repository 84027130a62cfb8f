"""Trains a SentencePiece-like BPE and gives, for each form of it, tokenizer.json and the ids and texts of `tokenizers`.

Texts come as a JSON list on standard input. Run: character_forms.py < texts.json
"""
import json
import sys

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

SPACE = "\u2581"
CORPUS = [
    "the cat sat on the mat; the dog sat on the cat. Once upon a time there was a cat.",
    "Größe, naïve, 漢字 and 123 numbers, the the the theory of  two   spaces",
] * 4


def trained():
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    names = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=420, special_tokens=names, show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    made = json.loads(tokenizer.to_str())
    made["added_tokens"] = made["added_tokens"][:3]
    return made


def sequence(strip):
    steps = [decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse()]
    return decoders.Sequence(steps + [decoders.Strip(" ", 1, 0)] if strip else steps)


def forms():
    meta = lambda scheme, split: pre_tokenizers.Metaspace(prepend_scheme=scheme, split=split)
    legacy = normalizers.Sequence([normalizers.Prepend(SPACE), normalizers.Replace(" ", SPACE)])
    replace = normalizers.Replace(" ", SPACE)
    yield "Llama 2", legacy, None, sequence(True)
    yield "Gemma", replace, pre_tokenizers.Split(" ", "merged_with_previous"), sequence(False)
    for scheme in ("always", "first", "never"):
        for split in (True, False):
            yield f"Metaspace {scheme}, split {split}", None, meta(scheme, split), sequence(scheme != "never")
    yield "Metaspace decoder", None, meta("always", True), decoders.Metaspace()


def main():
    texts = json.load(sys.stdin)
    answers = []
    for name, normalizer, pre_tokenizer, decoder in forms():
        tokenizer = Tokenizer.from_str(json.dumps(trained()))
        if normalizer is not None:
            tokenizer.normalizer = normalizer
        if pre_tokenizer is None:
            made = json.loads(tokenizer.to_str())
            made["pre_tokenizer"] = None
            tokenizer = Tokenizer.from_str(json.dumps(made))
        else:
            tokenizer.pre_tokenizer = pre_tokenizer
        tokenizer.decoder = decoder
        ids = [tokenizer.encode(text).ids for text in texts]
        shuffled = [sorted(each, key=lambda id: (id * 7919) % 421) for each in ids]
        decoded = [tokenizer.decode(each, skip_special_tokens=False) for each in ids + shuffled]
        answers.append({"name": name, "json": json.loads(tokenizer.to_str()), "ids": ids, "shuffled": shuffled, "decoded": decoded})
    print(json.dumps(answers))


main()
