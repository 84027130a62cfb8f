"""Makes processors.json: random logits, and what each of transformers' logits processors makes of them, in float32.

Run: python processors.py [FILE]   (PyTorch and transformers)
A row names the options as ownlm has them; "kept" are the ids that are not masked, "logits" their values, rounded.
"""

import json
import math
import pathlib
import sys

import torch
from transformers import GenerationConfig, GPT2Config, GPT2LMHeadModel

VOCAB, EOS = 40, [3, 7]

# Options of ownlm, and transformers' by the same names in its own spelling, where they differ in form.
ROWS = [
    {"temperature": 0.7},
    {"temperature": 1.0, "topK": 7},
    {"temperature": 1.3, "topP": 0.6},
    {"temperature": 1.0, "topP": 0.05},
    {"temperature": 1.0, "minP": 0.2},
    {"temperature": 0.5, "minP": 0.01},
    {"temperature": 1.0, "typicalP": 0.3},
    {"temperature": 1.0, "typicalP": 0.9},
    {"temperature": 1.0, "topH": 0.4},
    {"temperature": 2.0, "topH": 0.9},
    {"temperature": 1.0, "epsilonCutoff": 0.03},
    {"temperature": 1.0, "epsilonCutoff": 0.9},
    {"temperature": 1.0, "etaCutoff": 0.05},
    {"temperature": 0.8, "topK": 20, "topP": 0.8, "minP": 0.05, "typicalP": 0.9, "epsilonCutoff": 0.01, "etaCutoff": 0.02},
    {"temperature": 1.0, "topK": 1, "numBeams": 3},
    {"temperature": 1.0, "topP": 0.05, "numBeams": 3},
    {"temperature": 1.0, "minP": 0.99, "numBeams": 3},
    {"temperature": 1.0, "typicalP": 0.01, "numBeams": 3},
    {"temperature": 1.0, "epsilonCutoff": 0.9, "numBeams": 3},
    {"repetitionPenalty": 1.7},
    {"repetitionPenalty": 0.6},
    {"encoderRepetitionPenalty": 1.5},
    {"noRepeatNgramSize": 1},
    {"noRepeatNgramSize": 2},
    {"noRepeatNgramSize": 3},
    {"encoderNoRepeatNgramSize": 2},
    {"logitBias": [[[5], 2.5], [[1, 2, 9], -4.0], [[2, 11], 3.0], [[30, 2, 12], 9.0]]},
    {"badWordsIds": [[6], [3], [1, 2, 8], [2, 10], [30, 2, 13]]},
    {"minNewTokens": 3},
    {"minNewTokens": 2},
    {"suppressTokens": [0, 1, 39]},
    {"beginSuppressTokens": [4, 5]},
    {"forcedEosTokenId": [7, 3], "maxNewTokens": 3},
    {"forcedEosTokenId": [7], "maxNewTokens": 4},
    {"forcedBosTokenId": 9},
    {"exponentialDecayLengthPenalty": [1, 1.5]},
    {"exponentialDecayLengthPenalty": [2, 1.5]},
    {"renormalizeLogits": True},
    {"temperature": 0.9, "topK": 5, "renormalizeLogits": True},
    {
        "logitBias": [[[5], 2.5], [[2], 1.0]],
        "encoderRepetitionPenalty": 1.2,
        "repetitionPenalty": 1.3,
        "noRepeatNgramSize": 2,
        "badWordsIds": [[8]],
        "minNewTokens": 5,
        "suppressTokens": [1],
        "temperature": 0.7,
        "topK": 12,
        "topP": 0.9,
        "renormalizeLogits": True,
    },
]

# All ids so far, and how many are the prompt's.
TEXTS = [([12, 1, 2, 8, 30, 1, 2], 5), ([6], 1), ([9, 9, 4, 20, 1, 2], 6), ([30, 2, 11, 30, 2], 3)]


def snake(name):
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name)


def config_of(row):
    keys = {snake(key): value for key, value in row.items() if key != "logitBias"}
    if "logitBias" in row:
        keys["sequence_bias"] = [[ids, bias] for ids, bias in row["logitBias"]]
    keys["do_sample"] = "temperature" in row
    keys.setdefault("top_k", 0)
    config = GenerationConfig(eos_token_id=EOS, **keys)
    config._eos_token_tensor = torch.tensor(EOS)
    for key, value in GenerationConfig._get_default_generation_params().items():
        if getattr(config, key, None) is None:
            setattr(config, key, value)
    return config


def make(model):
    generator = torch.Generator().manual_seed(1)
    rows = []
    for i, options in enumerate(ROWS):
        ids, prompt = TEXTS[i % len(TEXTS)] if "Bos" not in str(options) else TEXTS[1]
        if "beginSuppressTokens" in options:
            ids, prompt = TEXTS[2]
        if "forcedEosTokenId" in options or "exponential" in str(options):
            ids, prompt = TEXTS[0]
        if "logitBias" in options or "badWordsIds" in options:
            ids, prompt = TEXTS[0]
        logits = (3 * torch.randn(1, VOCAB, generator=generator)).float()
        config = config_of(options)
        config.max_length = prompt + options.get("maxNewTokens", 20)
        text = torch.tensor([ids])
        processors = model._get_logits_processor(
            config, input_ids_seq_length=prompt, encoder_input_ids=text[:, :prompt], device="cpu", model_kwargs={}
        )
        made = processors(text, logits.clone())[0].tolist()
        kept = [i for i, x in enumerate(made) if x != -math.inf]
        rows.append(
            {
                "options": options,
                "ids": ids,
                "promptTokens": prompt,
                "logits": [round(x, 6) for x in logits[0].tolist()],
                "kept": kept,
                "made": [round(made[i], 5) for i in kept],
                "processors": [type(p).__name__ for p in processors],
            }
        )
    return {"vocabSize": VOCAB, "eosTokenIds": EOS, "rows": rows}


if __name__ == "__main__":
    torch.set_num_threads(1)
    tiny = GPT2LMHeadModel(GPT2Config(vocab_size=VOCAB, n_positions=64, n_embd=8, n_head=1, n_layer=1))
    file = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "processors.json"
    table = make(tiny)
    lines = ",\n".join(json.dumps(row) for row in table["rows"])
    head = json.dumps({key: value for key, value in table.items() if key != "rows"})[:-1]
    file.write_text(f'{head}, "rows": [\n{lines}\n]}}\n')
    print(json.dumps(len(table["rows"])))
