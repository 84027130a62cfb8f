"""Adapters between ownlm and Python's peft.

Run: python adapters.py make FOLDER NAME...   writes FOLDER/NAME with a base model, base/, a peft adapter, adapter/, and
     expected.safetensors: what peft computes for `ids` with the adapter ("logits") and without ("plain"). Prints the names.
     python adapters.py check BASE ADAPTER [ADAPTER...]   loads ownlm's adapters with peft and prints the logits for the ids of
     standard input, {"ids", "weights", "save"}: of one adapter, or with weights of their exact sum (peft's "cat").
     With "save" it writes the adapter it read again, to that folder.
Prints "missing" where peft is not installed.
"""

import json
import pathlib
import sys
import warnings

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, GemmaConfig, GPT2Config, LlamaConfig, Qwen2Config

try:
    from peft import LoraConfig, PeftModel, get_peft_model
except ImportError:
    print(json.dumps("missing"))
    sys.exit(0)

warnings.simplefilter("ignore")
torch.set_num_threads(1)

IDS = [3, 17, 4, 60, 12, 33, 8, 1, 40, 22]
SIZES = {
    "vocab_size": 61,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "bos_token_id": 0,
    "eos_token_id": 0,
    "pad_token_id": None,
}
BASES = {
    "llama": lambda: LlamaConfig(**SIZES, tie_word_embeddings=False),
    "llama-tied": lambda: LlamaConfig(**SIZES, tie_word_embeddings=True, attention_bias=True),
    "qwen2": lambda: Qwen2Config(**SIZES, tie_word_embeddings=True),
    "gemma": lambda: GemmaConfig(**SIZES, head_dim=8),
    "gpt2": lambda: GPT2Config(vocab_size=61, n_embd=32, n_head=4, n_layer=2, n_positions=64, bos_token_id=0, eos_token_id=0),
}
ALL = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
GPT2 = ["c_attn", "c_proj", "c_fc"]


def variants(base):
    targets = GPT2 if base == "gpt2" else ALL
    embed = "wte" if base == "gpt2" else "embed_tokens"
    some = targets[:2]
    return {
        "lora": {"r": 4, "lora_alpha": 8, "target_modules": some},
        "all": {"r": 2, "lora_alpha": 3, "target_modules": "all-linear"},
        "rslora": {"r": 4, "lora_alpha": 2, "use_rslora": True, "target_modules": targets},
        "dora": {"r": 4, "lora_alpha": 8, "use_dora": True, "target_modules": targets},
        "patterns": {"r": 4, "target_modules": targets, "rank_pattern": {targets[0]: 2}, "alpha_pattern": {targets[1]: 32}},
        "saved": {"r": 4, "target_modules": some, "modules_to_save": [embed, "lm_head"]},
        "head": {"r": 4, "target_modules": [*some, "lm_head"]},
        "embedding": {"r": 4, "target_modules": [*some, embed]},
        "table": {"r": 4, "target_modules": some, "modules_to_save": [embed]},
        "tied": {"r": 4, "target_modules": some, "modules_to_save": [embed], "ensure_weight_tying": True},
        "dora-embedding": {"r": 4, "use_dora": True, "target_modules": [*some, embed]},
        "bias": {"r": 4, "target_modules": targets, "bias": "all"},
        "lora-bias": {"r": 4, "target_modules": targets, "lora_bias": True},
    }


def randomise(model, names, scale):
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if names(name):
                centre = 1 if parameter.dim() == 1 and name.endswith("weight") else 0
                parameter.copy_(centre + scale * torch.randn(parameter.shape))


def logits(model, ids=IDS):
    with torch.no_grad():
        return model(input_ids=torch.tensor([ids])).logits[0].float().contiguous()


def make(folder, name):
    base, variant = name.split("--")
    torch.manual_seed(len(name))
    model = AutoModelForCausalLM.from_config(BASES[base]())
    randomise(model, lambda _: True, 0.2)
    model.save_pretrained(folder / "base")
    model = AutoModelForCausalLM.from_pretrained(folder / "base").eval()
    plain = logits(model)
    tuned = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", **variants(base)[variant])).eval()
    own = lambda n: "lora_" in n or "modules_to_save" in n or (variant == "bias" and n.endswith("bias"))
    randomise(tuned, own, 0.2)
    tuned.save_pretrained(folder / "adapter")
    # What counts is what the files say, to whoever reads them.
    again = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(folder / "base"), folder / "adapter").eval()
    save_file({"ids": torch.tensor(IDS), "plain": plain, "logits": logits(again)}, folder / "expected.safetensors")


def check(base, adapters, claims):
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), adapters[0], adapter_name="a0").eval()
    for i, adapter in enumerate(adapters[1:], 1):
        model.load_adapter(adapter, adapter_name=f"a{i}")
    if claims.get("weights"):
        names = [f"a{i}" for i in range(len(adapters))]
        model.add_weighted_adapter(names, claims["weights"], "sum", combination_type="cat")
        model.set_adapter("sum")
    if claims.get("save"):
        model.save_pretrained(claims["save"])
    return logits(model, claims["ids"]).tolist()


if __name__ == "__main__":
    if sys.argv[1] == "make":
        for each in sys.argv[3:]:
            make(pathlib.Path(sys.argv[2]) / each, each)
        print(json.dumps(sys.argv[3:]))
    else:
        print(json.dumps(check(sys.argv[2], sys.argv[3:], json.load(sys.stdin))))
