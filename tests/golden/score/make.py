"""Scores random ids with the tiny models of ../models through windows, as transformers' page on perplexity does, in float32.

Run: python make.py    (PyTorch and transformers; writes strided.json beside itself)
"""

import json
import math
import pathlib

import torch
from transformers import AutoModelForCausalLM

HERE = pathlib.Path(__file__).parent
TOKENS = 60
# Windows that overlap by half, by little, by all but one token, not at all, and one that holds everything.
CASES = {
    "gpt2-tiny": [(24, 12), (24, 20), (10, 1), (16, 16)],
    "llama-tiny": [(32, 16), (32, 5), (8, 8), (11, 7)],
    "llama-tied": [(64, 32), (20, 10)],
}


def strided(model, ids, window, stride):
    """log P of each token (None where nothing is before it in its window) and the page's own perplexity."""
    logprobs = [None] * ids.size(1)
    nll_sum, n_tokens, previous_end = 0.0, 0, 0
    for begin in range(0, ids.size(1), stride):
        end = min(begin + window, ids.size(1))
        target_length = end - previous_end
        inputs = ids[:, begin:end]
        targets = inputs.clone()
        targets[:, :-target_length] = -100
        with torch.no_grad():
            output = model(inputs, labels=targets)
        rows = torch.log_softmax(output.logits[0].double(), dim=-1)
        for position in range(max(begin + 1, previous_end), end):
            logprobs[position] = rows[position - begin - 1, ids[0, position]].item()
        # The loss is a mean over targets that have a token before them.
        valid = int((targets[:, 1:] != -100).sum())
        if valid:
            nll_sum += output.loss.item() * valid
            n_tokens += valid
        previous_end = end
        if end == ids.size(1):
            break
    return logprobs, math.exp(nll_sum / n_tokens)


def main():
    torch.set_num_threads(1)
    made = []
    for name, shapes in CASES.items():
        model = AutoModelForCausalLM.from_pretrained(HERE.parent / "models" / name, dtype=torch.float32).eval()
        ids = torch.randint(0, model.config.vocab_size, (1, TOKENS), generator=torch.Generator().manual_seed(7))
        for window, stride in shapes:
            logprobs, perplexity = strided(model, ids, window, stride)
            rounded = [None if x is None else round(x, 6) for x in logprobs]
            made.append(
                dict(model=name, window=window, stride=stride, ids=ids[0].tolist(), perplexity=perplexity, logprobs=rounded)
            )
    (HERE / "strided.json").write_text(json.dumps(made).replace("}, {", "},\n{") + "\n")


main()
