"""Encodes chats with a folder that ownlm wrote, as transformers does with control tokens in messages made text.

Run: python chat_ids.py FOLDER; standard input is a JSON list of {"messages", ...options of apply_chat_template}. Prints lists of ids.
"""

import json
import sys

from transformers import AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
print(json.dumps([tokenizer.apply_chat_template(given.pop("messages"), return_dict=False, sanitize_control_tokens=True, **given) for given in json.load(sys.stdin)]))
