"""The loss that PyTorch reaches on characters of a text, with the small settings nanoGPT publishes for a CPU.

GPT-2-style without biases: 4 layers, 4 heads, width 128, context 64, 12 rows, 2000 steps of AdamW (lr 1e-3 down to 1e-4 by
a cosine after 100 steps of warm-up, betas 0.9 and 0.99, decay 0.1, clip 1.0); the last tenth of the text is held out.
Prints JSON lines {"step", "valLoss", "seconds"}, losses in nats per character.
Run: python nanogpt_char.py TEXT [--steps N]
"""

import argparse
import json
import math
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width, bias=False), nn.LayerNorm(width, bias=False)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.up = nn.Linear(width, 4 * width, bias=False)
        self.down = nn.Linear(4 * width, width, bias=False)

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(B, T, 3, self.heads, C // self.heads).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).reshape(B, T, C))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class Gpt(nn.Module):
    def __init__(self, vocab, context, width=128, layers=4, heads=4):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocab, width), nn.Embedding(context, width)
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(layers)))
        self.norm = nn.LayerNorm(width, bias=False)
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                is_residual = name.endswith(("out.weight", "down.weight"))
                nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * layers) if is_residual else 0.02)

    def forward(self, ids, targets):
        x = self.tokens(ids) + self.positions.weight[: ids.shape[1]]
        logits = F.linear(self.norm(self.blocks(x)), self.tokens.weight)
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def batch_of(data, rows, context, generator):
    starts = torch.randint(len(data) - context, (rows,), generator=generator)
    pieces = torch.stack([data[s : s + context + 1] for s in starts])
    return pieces[:, :-1].contiguous(), pieces[:, 1:].contiguous()


@torch.no_grad()
def held_out_loss(model, data, context):
    """Over every held-out character once, in pieces of the context's length."""
    count = (len(data) - 1) // context
    ids = data[: count * context].view(count, context)
    targets = data[1 : count * context + 1].view(count, context)
    sums = [model(i, t).item() * len(i) for i, t in zip(ids.split(64), targets.split(64))]
    return sum(sums) / count


def learning_rate(step, steps, peak=1e-3, floor=1e-4, warmup=100):
    if step < warmup:
        return peak * (step + 1) / (warmup + 1)
    return floor + 0.5 * (peak - floor) * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("text", type=Path)
    for key, value in {"steps": 2000, "rows": 12, "context": 64, "threads": 2, "every": 250, "seed": 1337}.items():
        parser.add_argument(f"--{key}", type=int, default=value)
    c = parser.parse_args()
    torch.set_num_threads(c.threads)
    torch.manual_seed(c.seed)
    text = c.text.read_text(encoding="utf8")
    vocab = sorted(set(text))
    index = {character: i for i, character in enumerate(vocab)}
    data = torch.tensor([index[character] for character in text])
    train, held_out = data[: len(data) * 9 // 10], data[len(data) * 9 // 10 :]
    model = Gpt(len(vocab), c.context)
    groups = [
        {"params": [p for p in model.parameters() if p.dim() >= 2], "weight_decay": 0.1},
        {"params": [p for p in model.parameters() if p.dim() < 2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.99), fused=True)
    generator = torch.Generator().manual_seed(c.seed)
    seconds = 0.0
    for step in range(c.steps + 1):
        if step % c.every == 0 or step == c.steps:
            loss = held_out_loss(model, held_out, c.context)
            print(json.dumps({"step": step, "valLoss": round(loss, 4), "seconds": round(seconds, 2)}), flush=True)
        if step == c.steps:
            break
        start = time.perf_counter()
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, c.steps)
        model(*batch_of(train, c.rows, c.context, generator)).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        seconds += time.perf_counter() - start


if __name__ == "__main__":
    main()
