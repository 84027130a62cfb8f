"""Makes the tiny random models of this folder and what PyTorch computes from them, in float32 on one thread.

Run: python make.py [FOLDER [NAME...]]   (PyTorch and transformers; see README.md for the tensors and the versions used)
"""

import json
import pathlib
import shutil
import sys

import torch
from safetensors.torch import save_file
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

BATCH, TOKENS, STEPS, PROMPT, NEW_TOKENS, SHIFT = 2, 11, 10, 5, 16, 3


def gpt2_tiny():
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=61,
            n_positions=24,
            n_embd=36,
            n_head=3,
            n_layer=2,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            bos_token_id=None,
            eos_token_id=None,
        )
    )


def llama_tiny():
    """Grouped queries, a head of its own, heads of 10."""
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=67,
            hidden_size=40,
            num_attention_heads=4,
            num_key_value_heads=2,
            intermediate_size=56,
            num_hidden_layers=2,
            max_position_embeddings=32,
            rms_norm_eps=1e-5,
            tie_word_embeddings=False,
            bos_token_id=None,
            eos_token_id=None,
        )
    )


def llama_tied():
    """Tied embeddings, one key head for three, heads wider than hidden / heads, Llama 3.1's rotary scaling.

    With base 100 and heads of 16 the wavelengths are 6.3, 11.2, 19.9, ...: one is kept, one blended, six divided.
    """
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=53,
            hidden_size=36,
            num_attention_heads=3,
            num_key_value_heads=1,
            head_dim=16,
            intermediate_size=64,
            num_hidden_layers=2,
            max_position_embeddings=64,
            rms_norm_eps=1e-6,
            tie_word_embeddings=True,
            rope_parameters={
                "rope_type": "llama3",
                "rope_theta": 100.0,
                "factor": 8.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 2.0,
                "original_max_position_embeddings": 16,
            },
            bos_token_id=None,
            eos_token_id=None,
        )
    )


MODELS = {"gpt2-tiny": (gpt2_tiny, 11), "llama-tiny": (llama_tiny, 12), "llama-tied": (llama_tied, 13)}


def randomise(model, seed):
    """Every tensor gets values far from its neutral start, so that a dropped bias or scale shows."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.dim() >= 2:
                parameter.copy_(noise * (0.5 if "wte" in name or "embed" in name else 0.2))
            elif name.endswith("weight"):
                parameter.copy_(1 + 0.3 * noise)
            else:
                parameter.copy_(0.3 * noise)


def batch_of(vocab_size, seed):
    """Token ids, targets, and weights of 0, 0.5 and 1 whose sum is not a power of two."""
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(vocab_size, (BATCH, TOKENS + 1), generator=generator)
    weights = torch.ones(BATCH, TOKENS)
    weights[0, :4] = 0.0
    weights[1, -2:] = 0.0
    weights[1, 3] = 0.5
    return ids[:, :-1].contiguous(), ids[:, 1:].contiguous(), weights


def loss_of(model, ids, targets, weights):
    logits = model(input_ids=ids).logits
    losses = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
    return logits, (losses * weights.flatten()).sum() / weights.sum()


def train(model, batch):
    decay = [p for p in model.parameters() if p.dim() >= 2]
    rest = [p for p in model.parameters() if p.dim() < 2]
    optimizer = torch.optim.AdamW(
        [{"params": decay, "weight_decay": 0.1}, {"params": rest, "weight_decay": 0.0}],
        lr=3e-3,
        betas=(0.9, 0.95),
        eps=1e-8,
    )
    losses, norms = [], []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = loss_of(model, *batch)[1]
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0).item())
        optimizer.step()
        losses.append(loss.item())
    return torch.tensor(losses), torch.tensor(norms)


def greedy(model, prompt):
    """The most probable continuation, and the smallest lead of the first choice over the second."""
    ids, lead = prompt.clone(), float("inf")
    with torch.no_grad():
        for _ in range(NEW_TOKENS):
            first, second = model(input_ids=ids[None]).logits[0, -1].topk(2).values.tolist()
            lead = min(lead, first - second)
            ids = torch.cat([ids, model(input_ids=ids[None]).logits[0, -1].argmax()[None]])
        once = model.generate(prompt[None], max_new_tokens=NEW_TOKENS, do_sample=False, pad_token_id=0)[0]
    assert torch.equal(once, ids), "generate() and the plain loop differ"
    return ids, lead


def make(folder, name):
    build, seed = MODELS[name]
    torch.manual_seed(seed)
    model = build()
    randomise(model, seed)
    model.eval()
    shutil.rmtree(folder / name, ignore_errors=True)
    model.save_pretrained(folder / name)
    (folder / name / "generation_config.json").unlink(missing_ok=True)

    ids, targets, weights = batch = batch_of(model.config.vocab_size, seed)
    out = {"input_ids": ids, "targets": targets, "weights": weights}
    logits, loss = loss_of(model, *batch)
    loss.backward()
    out |= {"logits": logits.detach(), "loss": loss.detach()}
    out |= {f"grad.{k}": p.grad.clone() for k, p in model.named_parameters()}
    shifted = torch.arange(SHIFT, SHIFT + TOKENS).expand(BATCH, -1).contiguous()
    with torch.no_grad():
        out["shifted.position_ids"] = shifted
        out["shifted.logits"] = model(input_ids=ids, position_ids=shifted).logits
    out["greedy"], lead = greedy(model, ids[0, :PROMPT])
    out["losses"], out["norms"] = train(model, batch)
    out |= {f"final.{k}": p.detach() for k, p in model.named_parameters()}
    save_file({k: v.contiguous() for k, v in out.items()}, folder / name / "golden.safetensors")
    summary = {
        "model": name,
        "logits": [round(logits.min().item(), 3), round(logits.max().item(), 3)],
        "losses": [round(x, 4) for x in out["losses"].tolist()],
        "norms": [round(x, 3) for x in out["norms"].tolist()],
        "greedyLead": round(lead, 4),
        "shiftChange": (out["shifted.logits"] - logits).abs().max().item(),
    }
    print(json.dumps(summary))


ROPE_POSITIONS = [0, 1, 2, 77, 1000, 8191, 131071]
LLAMA3 = {"factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}
ROPES = {
    "plain": (64, {"rope_type": "default", "rope_theta": 10000.0}),
    "llama2": (128, {"rope_type": "default", "rope_theta": 10000.0}),
    "linear": (20, {"rope_type": "linear", "rope_theta": 10000.0, "factor": 4.0}),
    "llama3": (64, {"rope_type": "llama3", "rope_theta": 500000.0, **LLAMA3}),
    "yarn": (64, {"rope_type": "yarn", "rope_theta": 1000000.0, "factor": 4.0, "original_max_position_embeddings": 32768}),
    "yarn-blended": (
        20,
        {
            "rope_type": "yarn",
            "rope_theta": 150000.0,
            "factor": 32.0,
            "original_max_position_embeddings": 4096,
            "beta_fast": 20.0,
            "beta_slow": 2.0,
            "truncate": False,
            "mscale": 0.7,
            "mscale_all_dim": 0.4,
        },
    ),
    "longrope": (
        20,
        {
            "rope_type": "longrope",
            "rope_theta": 10000.0,
            "original_max_position_embeddings": 4096,
            "factor": 32.0,
            "short_factor": [1.0, 1.0, 1.05, 1.1, 1.2, 1.4, 1.7, 2.0, 2.4, 2.9],
            "long_factor": [1.0, 1.2, 1.9, 3.3, 6.0, 11.0, 19.0, 31.0, 47.0, 64.5],
        },
    ),
    "llama3-wide": (128, {"rope_type": "llama3", "rope_theta": 500000.0, **LLAMA3, "factor": 8.0}),
}


def make_rope(folder):
    """transformers' own rotary tables, at positions near and far."""
    out = {"positions": torch.tensor(ROPE_POSITIONS)}
    for name, (head_dim, parameters) in ROPES.items():
        sizes = {"hidden_size": 2 * head_dim, "num_attention_heads": 2, "head_dim": head_dim}
        rope = LlamaRotaryEmbedding(LlamaConfig(**sizes, rope_parameters=dict(parameters)))
        cos, sin = rope(torch.zeros(1), out["positions"][None])
        out[f"{name}.inv_freq"] = rope.inv_freq.clone()
        out[f"{name}.cos"], out[f"{name}.sin"] = cos[0, :, : head_dim // 2], sin[0, :, : head_dim // 2]
    ropes = json.dumps({name: {"head_dim": head_dim, **parameters} for name, (head_dim, parameters) in ROPES.items()})
    save_file({k: v.contiguous() for k, v in out.items()}, folder / "rope.safetensors", {"ropes": ropes})


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    target = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)
    for each in sys.argv[2:] or MODELS:
        make(target, each)
    make_rope(target)
