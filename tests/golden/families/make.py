"""Makes the golden values of this folder: what transformers computes for a small config of each family, in float32.

Run: python make.py [FOLDER [NAME...]]   (PyTorch and transformers; see README.md)
Weights are not kept: pattern() draws them from their names, here and in tests/helpers/reference-families.ts.
"""

import json
import pathlib
import shutil
import sys
import tempfile

import numpy
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM

BATCH, TOKENS, PROMPT, NEW_TOKENS = 2, 13, 4, 12

SIZES = {
    "vocab_size": 61,
    "hidden_size": 40,
    "intermediate_size": 56,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    # With one, PyTorch gives the embedding of that id no gradient.
    "pad_token_id": None,
}

# One row a config, written as config.json is: what is left out is transformers' default.
ROWS = {
    "llama": {
        "attention_bias": True,
        "mlp_bias": True,
        "rope_theta": 50.0,
        "rope_scaling": {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16},
    },
    "llama-dynamic": {"head_dim": 24, "rope_parameters": {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 100.0}},
    "mistral": {"head_dim": 16, "sliding_window": 5, "rope_theta": 100.0},
    "mistral-everywhere": {"sliding_window": None, "tie_word_embeddings": True},
    "qwen2": {
        "use_sliding_window": True,
        "sliding_window": 5,
        "max_window_layers": 1,
        "tie_word_embeddings": True,
        "rope_theta": 1000000.0,
    },
    "qwen2-layer-types": {
        "use_sliding_window": True,
        "sliding_window": 3,
        "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
        "hidden_act": "relu",
    },
    "qwen3": {
        "head_dim": 24,
        "rope_parameters": {
            "rope_type": "yarn",
            "rope_theta": 1000.0,
            "factor": 2.0,
            "original_max_position_embeddings": 64,
            "beta_fast": 8.0,
            "beta_slow": 2.0,
            "attention_factor": 1.25,
        },
    },
    "qwen3-biased": {"head_dim": 10, "attention_bias": True, "tie_word_embeddings": True},
    "gemma": {"head_dim": 24, "rms_norm_eps": 1e-5},
    "gemma-legacy": {"head_dim": 16, "hidden_act": "gelu", "num_key_value_heads": 1, "attention_bias": True},
    "gemma2": {
        "head_dim": 16,
        "sliding_window": 5,
        "query_pre_attn_scalar": 7,
        "attn_logit_softcapping": 0.5,
        "final_logit_softcapping": 30.0,
        "attention_bias": True,
    },
    "gemma2-uncapped": {
        "head_dim": 10,
        "sliding_window": 4,
        "layer_types": ["full_attention", "sliding_attention", "full_attention"],
        "attn_logit_softcapping": None,
        "final_logit_softcapping": None,
        "hidden_activation": "silu",
        "tie_word_embeddings": False,
    },
    "gemma3_text": {
        "head_dim": 16,
        "sliding_window": 5,
        "sliding_window_pattern": 2,
        "query_pre_attn_scalar": 9,
        "rope_theta": 1000.0,
        "rope_local_base_freq": 20.0,
        "rope_scaling": {"rope_type": "linear", "factor": 8.0},
    },
    "gemma3_text-nested": {
        "head_dim": 10,
        "sliding_window": 3,
        "layer_types": ["sliding_attention", "sliding_attention", "full_attention"],
        "rope_parameters": {
            "sliding_attention": {"rope_type": "default", "rope_theta": 30.0},
            "full_attention": {"rope_type": "default", "rope_theta": 900.0},
        },
        "final_logit_softcapping": 20.0,
    },
    "gemma3": {
        "text_config": {
            **SIZES,
            "model_type": "gemma3_text",
            "head_dim": 16,
            "sliding_window": 5,
            "sliding_window_pattern": 3,
            "query_pre_attn_scalar": 20,
        },
        "vision_config": {
            "model_type": "siglip_vision_model",
            "hidden_size": 16,
            "intermediate_size": 8,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "image_size": 28,
            "patch_size": 14,
        },
        "mm_tokens_per_image": 4,
    },
    "phi3": {"partial_rotary_factor": 0.6, "sliding_window": 5},
    "phi3-short": {
        "tie_word_embeddings": True,
        "original_max_position_embeddings": 64,
        "rope_scaling": {
            "type": "longrope",
            "short_factor": [1.0, 1.1, 1.3, 1.6, 2.0],
            "long_factor": [1.0, 2.0, 4.0, 6.0, 9.0],
        },
    },
    "phi3-long": {
        "original_max_position_embeddings": 9,
        "rope_parameters": {
            "rope_type": "longrope",
            "rope_theta": 100.0,
            "partial_rotary_factor": 0.8,
            "short_factor": [1.0, 1.1, 1.3, 1.6],
            "long_factor": [1.0, 2.0, 4.0, 6.0],
        },
    },
    "smollm3": {
        "no_rope_layers": [1, 0, 1],
        "use_sliding_window": True,
        "sliding_window": 5,
        "attention_bias": True,
    },
    "smollm3-interval": {
        "no_rope_layer_interval": 2,
        "head_dim": 16,
        "mlp_bias": True,
        "tie_word_embeddings": False,
    },
    "olmo2": {"attention_bias": True, "rope_theta": 500000.0},
    "olmo2-tied": {"head_dim": 16, "tie_word_embeddings": True},
    "granite": {
        "attention_bias": True,
        "mlp_bias": True,
        "embedding_multiplier": 3.0,
        "attention_multiplier": 0.4,
        "residual_multiplier": 0.6,
        "logits_scaling": 2.5,
    },
    "granite-plain": {"tie_word_embeddings": True, "num_key_value_heads": 4},
    "starcoder2": {"sliding_window": 5, "rope_theta": 100.0},
    "starcoder2-unbiased": {"use_bias": False, "tie_word_embeddings": False, "hidden_act": "gelu"},
    "gpt_neox": {"num_key_value_heads": None, "rotary_pct": 0.6, "rotary_emb_base": 100, "hidden_act": "gelu_new"},
    "gpt_neox-sequential": {
        "num_key_value_heads": None,
        "use_parallel_residual": False,
        "attention_bias": False,
        "tie_word_embeddings": True,
        "rope_scaling": {"type": "linear", "factor": 2.0},
    },
    "phi": {"qk_layernorm": True, "partial_rotary_factor": 0.4, "rope_theta": 100.0},
    "phi-shared": {"num_attention_heads": 5, "num_key_value_heads": 1, "hidden_act": "relu", "tie_word_embeddings": True},
    "stablelm": {"qk_layernorm": True, "use_qkv_bias": True, "rope_theta": 100.0},
    "stablelm-parallel": {
        "use_parallel_residual": True,
        "partial_rotary_factor": 0.8,
        "tie_word_embeddings": True,
        "layer_norm_eps": 1e-3,
    },
    "falcon": {"bias": True, "rope_theta": 100.0, "hidden_size": 48, "num_attention_heads": 3},
    "falcon-sequential": {
        "parallel_attn": False,
        "multi_query": False,
        "ffn_hidden_size": 44,
        "activation": "relu",
        "tie_word_embeddings": False,
    },
    "falcon-grouped": {"new_decoder_architecture": True, "num_kv_heads": 2, "rope_theta": 1000.0},
    "falcon-onenorm": {"new_decoder_architecture": True, "num_kv_heads": 1, "num_ln_in_parallel_attn": 1},
    "cohere": {"use_qk_norm": True, "logit_scale": 0.5, "rope_theta": 100.0},
    "cohere-biased": {"attention_bias": True, "head_dim": 16, "tie_word_embeddings": False, "num_key_value_heads": None},
    "mixtral": {"num_local_experts": 5, "num_experts_per_tok": 2, "sliding_window": 5, "rope_theta": 100.0},
    "mixtral-single": {"num_local_experts": 3, "num_experts_per_tok": 1, "head_dim": 6, "hidden_act": "gelu"},
    "qwen3_moe": {
        "head_dim": 24,
        "num_experts": 5,
        "num_experts_per_tok": 3,
        "moe_intermediate_size": 20,
        "norm_topk_prob": True,
        "mlp_only_layers": [1],
        "attention_bias": True,
    },
    "qwen3_moe-every-second": {
        "num_experts": 4,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 28,
        "decoder_sparse_step": 2,
        "use_sliding_window": True,
        "sliding_window": 5,
        "tie_word_embeddings": True,
    },
    "gpt_oss": {
        "head_dim": 16,
        "intermediate_size": 28,
        "num_local_experts": 5,
        "num_experts_per_tok": 2,
        "sliding_window": 5,
        "swiglu_limit": 0.6,
    },
    "gpt_oss-plain": {
        "head_dim": 10,
        "intermediate_size": 20,
        "num_local_experts": 3,
        "num_experts_per_tok": 3,
        "layer_types": ["full_attention", "full_attention", "sliding_attention"],
        "sliding_window": 4,
        "attention_bias": False,
        "swiglu_alpha": 1.0,
        "tie_word_embeddings": True,
        "rope_parameters": {"rope_type": "default", "rope_theta": 100.0},
    },
}


def pattern(name, shape):
    """Numbers from -1 to 1, each from the name and its place by 32-bit arithmetic, exact in float32."""
    mask = numpy.uint64(0xFFFFFFFF)
    seed = 2166136261
    for byte in name.encode():
        seed = ((seed ^ byte) * 16777619) & 0xFFFFFFFF
    x = (numpy.arange(int(numpy.prod(shape)), dtype=numpy.uint64) * numpy.uint64(2654435761) + numpy.uint64(seed)) & mask
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
        x = ((x ^ (x >> numpy.uint64(shift))) * numpy.uint64(factor)) & mask
    return torch.from_numpy(((x >> numpy.uint64(8)) / 2.0**23 - 1).astype(numpy.float32).reshape(shape))


def weight(name, shape):
    """Far from a neutral start, so that a dropped bias or scale shows."""
    if len(shape) >= 2:
        return pattern(name, shape) * (1.0 if "embed" in name or "wte" in name else 0.25)
    return pattern(name, shape) * 0.5 + (1.0 if name.endswith("weight") else 0.0)


def build(config):
    """The model whose weights, by their names in a checkpoint, are patterns."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "config.json").write_text(json.dumps(config))
        AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder)).save_pretrained(folder / "saved")
        file = folder / "saved" / "model.safetensors"
        with safe_open(file, "pt") as saved:
            shapes = {key: tuple(saved.get_slice(key).get_shape()) for key in saved.keys()}
        save_file({key: weight(key, shape) for key, shape in shapes.items()}, file, {"format": "pt"})
        shutil.copy(folder / "config.json", folder / "saved" / "config.json")
        model = AutoModelForCausalLM.from_pretrained(
            folder / "saved", dtype=torch.float32, attn_implementation="eager"
        )
    return model.eval(), shapes


def greedy(model, prompt):
    """The most probable continuation, each step from the whole text, and the first choice's smallest lead."""
    ids, lead = prompt.clone(), float("inf")
    with torch.no_grad():
        for _ in range(NEW_TOKENS):
            top = model(input_ids=ids[None], use_cache=False).logits[0, -1].topk(2)
            lead = min(lead, (top.values[0] - top.values[1]).item())
            ids = torch.cat([ids, top.indices[:1]])
    return ids, lead


def summary(name, grad):
    """A gradient's length and its products with two patterns."""
    flat = grad.flatten().double()
    probes = [pattern(f"{name}:{i}", tuple(grad.shape)).flatten().double() for i in (0, 1)]
    return torch.stack([flat.norm(), *(flat @ probe for probe in probes)])


def gradients(model, shapes):
    """Gradients by the names of a checkpoint, where the model has others: one matrix for each expert, say."""
    mixtral = any("block_sparse_moe" in key for key in shapes)
    gate, up, down = ("w1", "w3", "w2") if mixtral else ("gate_proj", "up_proj", "down_proj")
    grads = {}
    for key, p in model.named_parameters():
        if p.grad is None:
            continue
        if mixtral:
            key = key.replace(".mlp.", ".block_sparse_moe.")
        if key == "lm_head.weight" and key not in shapes:
            key = "embed_out.weight"
        key = key.replace("model.language_model.", "language_model.model.")
        prefix, _, last = key.rpartition(".")
        if key in shapes:
            grads[key] = p.grad
        elif last == "gate_up_proj":
            for expert, grad in enumerate(p.grad):
                for name, part in zip((gate, up), grad.chunk(2)):
                    grads[f"{prefix}.{expert}.{name}.weight"] = part
        elif last == "down_proj":
            grads |= {f"{prefix}.{expert}.{down}.weight": grad for expert, grad in enumerate(p.grad)}
    return grads


def make(folder, name):
    row = ROWS[name]
    config = {"model_type": name.split("-")[0], **({} if "text_config" in row else SIZES), **row}
    shutil.rmtree(folder / name, ignore_errors=True)
    (folder / name).mkdir(parents=True)
    (folder / name / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    model, shapes = build(config)
    generator = torch.Generator().manual_seed(len(name))
    ids = torch.randint(config.get("text_config", config)["vocab_size"], (BATCH, TOKENS + 1), generator=generator)
    inputs, targets = ids[:, :-1].contiguous(), ids[:, 1:].contiguous()
    logits = model(input_ids=inputs, use_cache=False).logits
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
    loss.backward()
    continued, lead = greedy(model, inputs[0, :PROMPT])
    out = {"input_ids": inputs, "targets": targets, "logits": logits.detach(), "loss": loss.detach(), "greedy": continued}
    grads = gradients(model, shapes)
    out |= {"grads": torch.stack([summary(key, grads[key]) for key in sorted(grads)]).float()}
    of_text = sorted(key for key in shapes if not any(part in key for part in ("vision", "projector")))
    names = {"parameters": json.dumps(of_text)}
    if sorted(grads) != of_text:
        names["differentiated"] = json.dumps(sorted(grads))
    save_file({k: v.contiguous() for k, v in out.items()}, folder / name / "golden.safetensors", names)
    print(name, f"loss {loss.item():.3f}, logits to {logits.abs().max().item():.2f}, greedy lead {lead:.4f}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    target = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)
    for each in sys.argv[2:] or ROWS:
        make(target, each)
