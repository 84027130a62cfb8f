"""Scores token ids by a reward model that ownlm wrote: a whole model, or an adapter beside its base.

Run: python rewards.py MODEL < {"sequences": [[ids], ...]}
     python rewards.py BASE ADAPTER < ...
Prints {"scores": [...], "problems": [...]} as JSON: keys that are missing or not expected are problems.
"""

import json
import sys

import torch
from transformers import AutoModelForSequenceClassification


def load(folder, *adapter):
    loaded, info = AutoModelForSequenceClassification.from_pretrained(
        folder, dtype=torch.float32, num_labels=1, output_loading_info=True
    )
    if adapter:
        from peft import PeftModel

        return PeftModel.from_pretrained(loaded, adapter[0]), []
    return loaded, [f"{kind}: {sorted(info[kind])}" for kind in ("missing_keys", "unexpected_keys", "mismatched_keys") if info[kind]]


model, problems = load(*sys.argv[1:])
with torch.no_grad():
    scores = [model.eval()(input_ids=torch.tensor([ids])).logits[0, 0].item() for ids in json.load(sys.stdin)["sequences"]]
print(json.dumps({"scores": scores, "problems": problems}))
