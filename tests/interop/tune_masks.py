"""Tokens and the ones that carry loss, as transformers and TRL have them.

Run: python tune_masks.py FOLDER; standard input is a JSON list of examples: {"messages", "tools"} with a mask of the
assistant's turns, or {"prompt", "completion"}, texts or messages, with the mask that TRL's SFTTrainer makes of them: the
tokens of both together, of which those behind the length of the prompt's own tokens carry loss, EOS appended to texts.
Prints a list of {"ids", "mask", "matches"}; the last says whether the prompt's tokens begin both.
"""

import json
import sys

from transformers import AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])


def chat(messages, **options):
    return tokenizer.apply_chat_template(messages, return_dict=True, **options)


def answer(prompt, completion):
    if isinstance(prompt, str):
        text = completion if completion.endswith(tokenizer.eos_token) else completion + tokenizer.eos_token
        before, both = (tokenizer(text=t)["input_ids"] for t in (prompt, prompt + text))
    else:
        before = chat(prompt, add_generation_prompt=True)["input_ids"]
        both = chat(prompt + completion)["input_ids"]
    mask = [0] * len(before) + [1] * (len(both) - len(before))
    return {"ids": both, "mask": mask, "matches": both[: len(before)] == before}


def row(example):
    if "messages" in example:
        found = chat(example["messages"], tools=example.get("tools"), return_assistant_tokens_mask=True)
        return {"ids": found["input_ids"], "mask": found["assistant_masks"], "matches": True}
    return answer(example["prompt"], example["completion"])


print(json.dumps([row(example) for example in json.load(sys.stdin)]))
