"""Loads a folder that ownlm wrote with transformers, and checks that both see the same ids and logits.

Run: python check_folder.py FOLDER < claims.json
Claims: {"texts": [{"text", "ids", "decoded", "logits": [[...], ...]}], "prompt": [ids], "continuation": [ids], "tolerance": 1e-4}; all but
"texts" may be left out, and so may "decoded" and "logits" of a text. Where the folder has no tokenizer, "ids" are taken as they are.
Prints {"ok", "problems", "largestDifference", "parameters"} as JSON; the exit status is 1 unless ok.
"""

import json
import pathlib
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


def check(folder, claims):
    problems, largest = [], 0.0
    loaded = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    model, info = loaded[0].eval(), loaded[1]
    problems += [f"{kind}: {sorted(info[kind])}" for kind in ("missing_keys", "unexpected_keys", "mismatched_keys") if info[kind]]
    has_tokenizer = (pathlib.Path(folder) / "tokenizer.json").exists()
    tokenizer = AutoTokenizer.from_pretrained(folder) if has_tokenizer else None
    with torch.no_grad():
        for i, claim in enumerate(claims["texts"]):
            if tokenizer:
                ids = tokenizer(claim["text"])["input_ids"]
                if ids != claim["ids"]:
                    problems.append(f"text {i}: transformers' ids are {ids}, ours {claim['ids']}")
                    continue
                decoded = tokenizer.decode(ids)
                if decoded != claim.get("decoded", decoded):
                    problems.append(f"text {i}: transformers' text is {decoded!r}, ours {claim['decoded']!r}")
            if "logits" not in claim:
                continue
            theirs = model(input_ids=torch.tensor([claim["ids"]])).logits[0]
            ours = torch.tensor(claim["logits"])
            if ours.shape != theirs.shape:
                problems.append(f"text {i}: transformers' logits are {list(theirs.shape)}, ours {list(ours.shape)}")
                continue
            difference = (ours - theirs).abs().max().item()
            largest = max(largest, difference)
            if not difference <= claims.get("tolerance", 1e-4):
                problems.append(f"text {i}: the logits differ by {difference}")
        if "continuation" in claims:
            ids = list(claims["prompt"])
            for _ in claims["continuation"]:
                ids.append(model(input_ids=torch.tensor([ids])).logits[0, -1].argmax().item())
            made = ids[len(claims["prompt"]) :]
            if made != claims["continuation"]:
                problems.append(f"transformers continues with {made}, ours with {claims['continuation']}")
    parameters = sum(p.numel() for p in model.parameters())
    return {"ok": not problems, "problems": problems, "largestDifference": largest, "parameters": parameters}


if __name__ == "__main__":
    torch.set_num_threads(1)
    result = check(sys.argv[1], json.load(sys.stdin))
    print(json.dumps(result))
    sys.exit(0 if result["ok"] else 1)
