"""Draws configs of the families at random, and computes with transformers what their models say of a text.

Run: python random_configs.py FOLDER SEED COUNT
Each FOLDER/N holds config.json and golden.safetensors (ids, and the logits that follow each). Weights are the patterns of
tests/golden/families/make.py. Prints the number of folders as JSON.
"""

import json
import pathlib
import random
import sys

import torch
import transformers
from safetensors.torch import save_file

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "golden" / "families"))
from make import SIZES, build  # noqa: E402

TOKENS = 24
ACTIVATIONS = ["silu", "gelu", "gelu_new", "gelu_pytorch_tanh", "gelu_fast", "relu", "relu2", "quick_gelu", "tanh", "sigmoid"]
FLAG = [True, False]

# For each family the keys it may have, with values to choose from.
KEYS = {
    "llama": {"attention_bias": FLAG, "mlp_bias": FLAG, "hidden_act": ACTIVATIONS},
    "mistral": {"sliding_window": [3, 7, 100, None], "hidden_act": ACTIVATIONS},
    "qwen2": {"use_sliding_window": FLAG, "sliding_window": [4, 9], "max_window_layers": [0, 1, 2], "hidden_act": ACTIVATIONS},
    "qwen3": {"use_sliding_window": FLAG, "sliding_window": [4, 9], "max_window_layers": [0, 1, 2], "attention_bias": FLAG},
    "gemma": {"attention_bias": FLAG, "hidden_act": ACTIVATIONS},
    "gemma2": {
        "attention_bias": FLAG,
        "hidden_activation": ACTIVATIONS,
        "sliding_window": [3, 7, 100],
        "query_pre_attn_scalar": [5, 100],
        "final_logit_softcapping": [None, 20.0],
        "attn_logit_softcapping": [None, 2.0],
    },
    "gemma3_text": {
        "attention_bias": FLAG,
        "hidden_activation": ACTIVATIONS,
        "sliding_window": [3, 7, 100],
        "sliding_window_pattern": [2, 3],
        "query_pre_attn_scalar": [5, 100],
        "final_logit_softcapping": [None, 20.0],
        "rope_local_base_freq": [40.0],
    },
    "phi3": {"partial_rotary_factor": [0.5, 0.75], "sliding_window": [3, 7, None], "hidden_act": ACTIVATIONS},
    "smollm3": {
        "attention_bias": FLAG,
        "mlp_bias": FLAG,
        "no_rope_layer_interval": [2, 3],
        "use_sliding_window": FLAG,
        "sliding_window": [4],
    },
    "olmo2": {"attention_bias": FLAG, "hidden_act": ACTIVATIONS},
    "granite": {
        "attention_bias": FLAG,
        "mlp_bias": FLAG,
        "embedding_multiplier": [2.0],
        "logits_scaling": [4.0],
        "residual_multiplier": [0.3],
        "attention_multiplier": [0.2],
    },
    "gpt_neox": {
        "rotary_pct": [0.5, 1.0],
        "rotary_emb_base": [50, 1e6],
        "attention_bias": FLAG,
        "use_parallel_residual": FLAG,
        "layer_norm_eps": [1e-3],
        "hidden_act": ACTIVATIONS,
    },
    "phi": {
        "partial_rotary_factor": [0.4, 1.0],
        "qk_layernorm": FLAG,
        "layer_norm_eps": [1e-3],
        "hidden_act": ACTIVATIONS,
    },
    "stablelm": {
        "partial_rotary_factor": [0.5, 1.0],
        "qk_layernorm": FLAG,
        "use_qkv_bias": FLAG,
        "use_parallel_residual": FLAG,
        "layer_norm_eps": [1e-3],
        "hidden_act": ACTIVATIONS,
    },
    "falcon": {
        "new_decoder_architecture": FLAG,
        "multi_query": FLAG,
        "bias": FLAG,
        "ffn_hidden_size": [22],
        "layer_norm_epsilon": [1e-3],
        "activation": ACTIVATIONS,
    },
    "cohere": {
        "use_qk_norm": FLAG,
        "logit_scale": [0.5, 2.0],
        "attention_bias": FLAG,
        "layer_norm_eps": [1e-3],
        "hidden_act": ACTIVATIONS,
    },
    "mixtral": {"sliding_window": [3, 7, None], "hidden_act": ACTIVATIONS},
    "qwen3_moe": {
        "norm_topk_prob": FLAG,
        "decoder_sparse_step": [2, 3],
        "mlp_only_layers": [[0], [1, 2], None],
        "moe_intermediate_size": [12, 20],
        "use_sliding_window": FLAG,
        "sliding_window": [4, 9],
        "attention_bias": FLAG,
        "hidden_act": ACTIVATIONS,
    },
    "gpt_oss": {
        "sliding_window": [3, 7],
        "swiglu_limit": [0.3, 1.0],
        "swiglu_alpha": [0.5, 1.0],
        "attention_bias": FLAG,
    },
    "starcoder2": {"use_bias": FLAG, "norm_epsilon": [1e-3], "sliding_window": [3, 7, None], "hidden_act": ACTIVATIONS},
}


def rope(draw):
    """Old or new keys of a rotation that is scaled in one of the ways there are, or none."""
    theta = {"rope_theta": draw.choice([50.0, 1e4, 1e6])}
    original = {"original_max_position_embeddings": draw.choice([8, 32])}
    kinds = {
        "default": {},
        "linear": {"factor": draw.choice([2.0, 4.5])},
        "dynamic": {"factor": 3.0},
        "llama3": {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, **original},
        "yarn": {"factor": draw.choice([2.0, 8.0]), **original, **some(draw, {"truncate": [False], "beta_fast": [16.0], "attention_factor": [0.9]})},
    }
    kind = draw.choice([None, *kinds])
    if kind is None:
        return {}
    if draw.random() < 0.5:
        return {"rope_parameters": {"rope_type": kind, **theta, **kinds[kind]}}
    return {**theta, "rope_scaling": {draw.choice(["type", "rope_type"]): kind, **kinds[kind]}}


# The part of each head that is rotated: the key that says it, and what an absent key means.
PARTIAL = {"gpt_neox": ("rotary_pct", 0.25), "phi": ("partial_rotary_factor", 0.5), "stablelm": ("partial_rotary_factor", 0.25)}
WITHOUT_HEAD_DIM = ("starcoder2", "phi3", "falcon", *PARTIAL)


def further(draw, family, config):
    """Keys whose values depend on others."""
    if family == "gpt_neox":
        return {"num_key_value_heads": None}
    if family == "falcon" and config.get("new_decoder_architecture"):
        return some(draw, {"num_kv_heads": [1, 2], "num_ln_in_parallel_attn": [1, 2]})
    if family == "falcon":
        return some(draw, {"parallel_attn": FLAG})
    if family in ("mixtral", "qwen3_moe", "gpt_oss"):
        experts = draw.choice([1, 3, 5, 35])
        key = "num_experts" if family == "qwen3_moe" else "num_local_experts"
        return {key: experts, "num_experts_per_tok": draw.choice([n for n in (1, 2, 3) if n <= experts])}
    return {}


def longrope(draw, pairs):
    factors = {"short_factor": [1 + 0.1 * i for i in range(pairs)], "long_factor": [1.0 + i for i in range(pairs)]}
    original = {"original_max_position_embeddings": draw.choice([6, 32])}
    return {**original, "rope_scaling": {"type": "longrope", **factors}}


def some(draw, keys):
    return {key: draw.choice(values) for key, values in keys.items() if draw.random() < 0.5}


def config_of(draw):
    family = draw.choice(list(KEYS))
    layers = draw.choice([1, 2, 3, 5])
    heads, kv_heads = draw.choice([(4, 2), (4, 1), (4, 4), (6, 3)])
    config = {
        **SIZES,
        "model_type": family,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "hidden_size": draw.choice([24, 36, 48]),
    }
    needs_width = family in ("qwen3", "mixtral", "gpt_oss", "gemma", "gemma2", "gemma3_text")
    config |= some(draw, {"tie_word_embeddings": FLAG, "rms_norm_eps": [1e-3, 1e-6], **KEYS[family]})
    config |= further(draw, family, config)
    if family not in WITHOUT_HEAD_DIM and (needs_width or draw.random() < 0.5):
        config["head_dim"] = draw.choice([8, 10, 12, 16, 24])
    width = config.get("head_dim", config["hidden_size"] // heads)
    slides = family in ("gemma2", "gemma3_text", "gpt_oss") or (family == "qwen2" and config.get("use_sliding_window"))
    if slides and draw.random() < 0.5:
        config["layer_types"] = draw.choices(["sliding_attention", "full_attention"], k=layers)
    if family == "phi3":
        rotated = int(width * config.get("partial_rotary_factor", 1.0))
        return config | (longrope(draw, rotated // 2) if draw.random() < 0.6 else {}), rotated
    if family == "gemma3_text":
        scalings = [{"rope_type": "linear", "factor": 4.0}, {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16}]
        return config | some(draw, {"rope_theta": [500.0], "rope_scaling": scalings}), width
    key, part = PARTIAL.get(family, (None, 1.0))
    return config | rope(draw), int(width * config.get(key, part))


def write(folder, draw, config):
    model, _ = build(config)
    ids = torch.tensor([draw.choices(range(config["vocab_size"]), k=TOKENS)])
    with torch.no_grad():
        logits = model(input_ids=ids, use_cache=False).logits[0]
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    save_file({"ids": ids, "logits": logits.contiguous()}, folder / "golden.safetensors")


if __name__ == "__main__":
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    target, source, count = pathlib.Path(sys.argv[1]), random.Random(int(sys.argv[2])), int(sys.argv[3])
    made = 0
    while made < count:
        drawn, rotated = config_of(source)
        # transformers rounds an odd number of rotated elements up, which ownlm refuses, and divides by zero where there are two.
        if rotated % 2 == 0 and rotated > 2:
            write(target / str(made), source, drawn)
            made += 1
    print(json.dumps(made))
