"""Makes what peft computes for adapters on the tiny models of ../models and ../families, in float32 on one thread.

Run: python lora.py   (PyTorch, transformers and peft; see bench/peers/requirements.txt)
Adapters begin from pattern() of their names, as the weights of ../families do.
"""

import json
import pathlib
import sys

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "families"))
from make import pattern, weight  # noqa: E402

BATCH, TOKENS, STEPS, RATE = 2, 11, 10, 3e-3

CASES = {
    "llama-all": ("models/llama-tiny", {"r": 4, "lora_alpha": 8, "target_modules": "all-linear"}),
    "gpt2-rslora": (
        "models/gpt2-tiny",
        {"r": 3, "lora_alpha": 6, "use_rslora": True, "target_modules": ["c_attn", "mlp.c_proj"], "fan_in_fan_out": True},
    ),
    "qwen2-pattern": ("families/qwen2", {"r": 4, "lora_alpha": 8, "target_modules": r".*\.[12]\..*\.(q|k|down)_proj"}),
    "llama-dora": (
        "models/llama-tied",
        {"r": 4, "lora_alpha": 4, "use_dora": True, "target_modules": ["q_proj", "v_proj", "down_proj"]},
    ),
    "gpt2-dora": (
        "models/gpt2-tiny",
        {"r": 2, "lora_alpha": 4, "use_dora": True, "target_modules": ["c_attn", "c_fc"], "fan_in_fan_out": True},
    ),
    "llama-saved": (
        "models/llama-tiny",
        {"r": 2, "lora_alpha": 4, "target_modules": ["v_proj"], "modules_to_save": ["embed_tokens", "lm_head", "norm"]},
    ),
    "llama-tied-saved": (
        "models/llama-tied",
        {
            "r": 2,
            "lora_alpha": 4,
            "target_modules": ["o_proj"],
            "modules_to_save": ["embed_tokens"],
            "ensure_weight_tying": True,
        },
    ),
    "llama-dropout": (
        "models/llama-tiny",
        {"r": 4, "lora_alpha": 8, "lora_dropout": 0.25, "target_modules": ["q_proj", "v_proj", "down_proj"]},
    ),
    "gpt2-dora-dropout": (
        "models/gpt2-tiny",
        {
            "r": 2,
            "lora_alpha": 4,
            "use_dora": True,
            "lora_dropout": 0.25,
            "target_modules": ["c_attn", "mlp.c_proj"],
            "fan_in_fan_out": True,
        },
    ),
}


def base_model(folder):
    path = HERE.parent / folder
    if folder.startswith("models/"):
        return AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
    model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(path), dtype=torch.float32)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(weight(name, parameter.shape))
    return model


def graph_name(name):
    """The name of a parameter in ownlm's graphs."""
    name = name.removeprefix("base_model.model.").replace(".default", "").replace(".modules_to_save", "")
    return name


class MaskedInputs(torch.nn.Module):
    """Dropout by a mask that is set from outside."""

    def __init__(self, rate):
        super().__init__()
        self.rate, self.mask = rate, None

    def forward(self, x):
        return x * self.mask.view(BATCH, TOKENS, -1) / (1 - self.rate)


def mask_dropouts(model, rate):
    """Puts masks of our own in place of torch's, one for all layers that read one value: q, k and v. Returns what sets them."""
    groups, width = {}, 0
    for name, module in model.named_modules():
        if not hasattr(module, "lora_dropout") or "default" not in getattr(module, "lora_dropout", {}):
            continue
        key = name.replace("k_proj", "q_proj").replace("v_proj", "q_proj")
        size = module.lora_A["default"].weight.shape[1]
        if key not in groups:
            groups[key] = (width, size, MaskedInputs(rate))
            width += size
        module.lora_dropout["default"] = groups[key][2]

    def draw(generator):
        rows = 16 + 29 * torch.rand(BATCH * TOKENS, 1, generator=generator)
        columns = 16 + 29 * torch.rand(1, width, generator=generator)
        for start, size, module in groups.values():
            product = rows * columns[:, start : start + size]
            fraction = product - product.floor()
            module.mask = (fraction >= rate).float()
        return rows, columns

    return draw


def batch_of(vocab_size):
    generator = torch.Generator().manual_seed(3)
    ids = torch.randint(vocab_size, (BATCH, TOKENS + 1), generator=generator)
    weights = torch.ones(BATCH, TOKENS)
    weights[0, :4] = 0.0
    weights[1, -2:] = 0.0
    return ids[:, :-1].contiguous(), ids[:, 1:].contiguous(), weights / weights.sum()


def make(name):
    folder, options = CASES[name]
    torch.manual_seed(0)
    model = get_peft_model(base_model(folder), LoraConfig(task_type="CAUSAL_LM", **options))
    trained = {graph_name(key): p for key, p in model.named_parameters() if p.requires_grad}
    with torch.no_grad():
        for key, parameter in trained.items():
            if ".lora_A" in key or ".lora_B" in key:
                parameter.copy_(0.2 * pattern(key, parameter.shape))
    rate = options.get("lora_dropout", 0.0)
    draw = mask_dropouts(model, rate) if rate else None
    ids, targets, weights = batch_of(model.config.vocab_size)
    out = {"input_ids": ids, "targets": targets, "weights": weights}
    groups = [
        {"params": [p for p in trained.values() if p.dim() >= 2], "weight_decay": 0.1},
        {"params": [p for p in trained.values() if p.dim() < 2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=RATE, betas=(0.9, 0.95), eps=1e-8)
    model.train()
    generator = torch.Generator().manual_seed(5)
    losses, norms, draws = [], [], []
    for step in range(STEPS):
        if draw:
            draws.append(draw(generator))
        optimizer.zero_grad()
        logits = model(input_ids=ids).logits
        loss = (torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none") * weights.flatten()).sum()
        loss.backward()
        if step == 0:
            out |= {f"grad.{key}": p.grad.clone() for key, p in trained.items()}
        norms.append(torch.nn.utils.clip_grad_norm_(list(trained.values()), 1.0).item())
        optimizer.step()
        losses.append(loss.item())
    out |= {"losses": torch.tensor(losses), "norms": torch.tensor(norms)}
    if draws:
        out |= {"dropout_rows": torch.stack([r for r, _ in draws]), "dropout_columns": torch.stack([c for _, c in draws])}
    out |= {f"final.{key}": p.detach() for key, p in trained.items()}
    metadata = {"base": folder, "options": json.dumps(options)}
    save_file({k: v.contiguous() for k, v in out.items()}, HERE / f"lora-{name}.safetensors", metadata)
    print(name, [round(x, 4) for x in losses], [round(x, 3) for x in norms], len(trained))


if __name__ == "__main__":
    torch.set_num_threads(1)
    for each in sys.argv[1:] or CASES:
        make(each)
