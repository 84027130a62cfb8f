"""Draws settings of decoding at random and prints what transformers' generate makes with them: ids, and scores of beams.

Run: python decoding.py SEED COUNT [FAMILY...]   (PyTorch and transformers)
The models are those of tests/golden/families. Rows that float32 and float64 decode otherwise are left out.
tests/golden/decoding/beams.json is what `decoding.py 1 96` prints.
"""

import json
import pathlib
import random
import sys

import torch
from transformers import GenerationConfig

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "golden" / "families"))
from make import ROWS, SIZES, build  # noqa: E402

FAMILIES = ["llama", "mistral", "gemma2", "gpt_neox", "phi3-long", "mixtral", "cohere", "smollm3"]
VOCAB = 61


def snake(name):
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name)


def drawn(rng):
    """Options by ownlm's names, and the prompt."""
    ids = lambda least, most: [rng.randrange(VOCAB) for _ in range(rng.randint(least, most))]  # noqa: E731
    maybe = lambda chance: rng.random() < chance  # noqa: E731
    prompt = ids(1, 9)
    eos = sorted(set(ids(0, 6)))
    options = {"maxNewTokens": rng.randint(2, 14), "numBeams": rng.choice([1, 2, 3, 4, 6])}
    if options["numBeams"] > 1:
        options["lengthPenalty"] = rng.choice([-1.0, 0.0, 0.5, 1.0, 2.0])
        options["earlyStopping"] = rng.choice([False, True, "never"])
        options["numReturnSequences"] = rng.randint(1, options["numBeams"])
    if maybe(0.25):
        options["repetitionPenalty"] = rng.choice([0.8, 1.2, 1.8])
    if maybe(0.25):
        options["noRepeatNgramSize"] = rng.choice([1, 2, 3])
    if maybe(0.1):
        options["encoderRepetitionPenalty"] = 1.4
    if maybe(0.1):
        options["encoderNoRepeatNgramSize"] = 2
    if maybe(0.2):
        options["badWordsIds"] = [ids(1, 1), ids(2, 2)]
    if maybe(0.2):
        options["logitBias"] = [[ids(1, 1), 1.5], [ids(2, 2), 3.0]]
    if maybe(0.15):
        options["suppressTokens"] = ids(1, 5)
    if maybe(0.15):
        options["beginSuppressTokens"] = ids(1, 20)
    if maybe(0.1):
        options["forcedBosTokenId"] = rng.randrange(VOCAB)
    if maybe(0.1):
        options["renormalizeLogits"] = True
    if eos and maybe(0.3):
        options["minNewTokens"] = rng.randint(1, 6)
    if eos and maybe(0.15):
        options["forcedEosTokenId"] = eos[:1]
    if eos and maybe(0.2):
        options["exponentialDecayLengthPenalty"] = [rng.randint(0, 4), 1.3]
    # transformers refuses to force what is never made.
    if set(options.get("forcedEosTokenId", [])) & set(options.get("suppressTokens", [])):
        del options["forcedEosTokenId"]
    return options, prompt, eos


def generate(model, options, prompt, eos):
    keys = {snake(key): value for key, value in options.items() if key != "logitBias"}
    if "logitBias" in options:
        keys["sequence_bias"] = options["logitBias"]
    config = GenerationConfig(
        do_sample=False, eos_token_id=eos or None, pad_token_id=eos[0] if eos else 0, return_dict_in_generate=True,
        output_scores=True, **keys,
    )
    model.generation_config = GenerationConfig()
    text = torch.tensor([prompt])
    made = model.generate(text, attention_mask=torch.ones_like(text), generation_config=config)
    sequences = []
    for row in made.sequences[:, len(prompt):].tolist():
        end = next((i for i, each in enumerate(row) if each in eos), len(row))
        sequences.append(row[:end])
    scores = [round(x, 5) for x in made.sequences_scores.tolist()] if options["numBeams"] > 1 else None
    return sequences, scores


def main(seed, count, families):
    models = {}
    rows = []
    rng = random.Random(seed)
    for i in range(count):
        family = families[i % len(families)]
        if family not in models:
            model, _ = build({"model_type": family.split("-")[0], **SIZES, **ROWS[family]})
            # Products of groups are there for floats of at most 32 bits.
            if "num_local_experts" in ROWS[family]:
                model.set_experts_implementation("eager")
            models[family] = model
        options, prompt, eos = drawn(rng)
        sequences, scores = generate(models[family].float(), options, prompt, eos)
        exact, _ = generate(models[family].double(), options, prompt, eos)
        if sequences != exact:
            continue
        row = {"family": family, "promptIds": prompt, "eosTokenIds": eos, "options": options, "sequences": sequences}
        rows.append({**row, "scores": scores} if scores else row)
    return rows


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    made = main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:] or FAMILIES)
    print(json.dumps(made))
