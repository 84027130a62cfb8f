"""Training speed of PyTorch on the CPU, for the model that ownlm's own training benchmark uses.

Llama-style, 13.8 million parameters: width 384, 6 layers, 6 heads, feed-forward 1024, vocabulary 4096, untied head; 16 rows
of 256 tokens; AdamW with the gradients clipped to norm 1; float32. Prints one JSON line for each way of running, and one
for the machine's SGEMM peak. Run on a quiet machine: python train_torch.py --threads 2
"""

import argparse
import json
import shutil
import statistics
import time

import torch
import torch.nn.functional as F
from torch import nn


class RmsNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return F.rms_norm(x, self.weight.shape, self.weight, 1e-5)


class Attention(nn.Module):
    """Queries, keys and values come from one product: PyTorch's best case."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)

    def forward(self, x, cos, sin):
        B, T, C = x.shape
        q, k, v = self.qkv(x).view(B, T, 3, self.heads, C // self.heads).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(rotate(q, cos, sin), rotate(k, cos, sin), v, is_causal=True)
        return self.out(y.transpose(1, 2).reshape(B, T, C))


def rotate(x, cos, sin):
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)


class Block(nn.Module):
    def __init__(self, width, heads, inner):
        super().__init__()
        self.norm1, self.norm2 = RmsNorm(width), RmsNorm(width)
        self.attention = Attention(width, heads)
        self.gate_up = nn.Linear(width, 2 * inner, bias=False)
        self.down = nn.Linear(inner, width, bias=False)

    def forward(self, x, cos, sin):
        x = x + self.attention(self.norm1(x), cos, sin)
        gate, up = self.gate_up(self.norm2(x)).chunk(2, dim=-1)
        return x + self.down(F.silu(gate) * up)


class Llama(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.embed = nn.Embedding(c.vocab, c.width)
        self.blocks = nn.ModuleList(Block(c.width, c.heads, c.inner) for _ in range(c.layers))
        self.norm = RmsNorm(c.width)
        self.head = nn.Linear(c.width, c.vocab, bias=False)
        half = c.width // c.heads // 2
        angles = torch.outer(torch.arange(c.context), 10000.0 ** (-torch.arange(half) / half))
        self.register_buffer("cos", angles.cos())
        self.register_buffer("sin", angles.sin())
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids, targets):
        x = self.embed(ids)
        for block in self.blocks:
            x = block(x, self.cos, self.sin)
        return F.cross_entropy(self.head(self.norm(x)).flatten(0, 1), targets.flatten())


def sgemm_peak(size=2048, runs=8):
    """Best GFLOP/s of a square product, in place."""
    a, b, c = (torch.randn(size, size) for _ in range(3))
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        torch.mm(a, b, out=c)
        seconds.append(time.perf_counter() - start)
    return 2 * size**3 / min(seconds) / 1e9


def flops_per_token(model, c):
    """Six per weight that multiplies, and the attention scores and sums, counted without the causal half."""
    weights = sum(p.numel() for p in model.parameters() if p.dim() == 2) - model.embed.weight.numel()
    return 6 * weights + 12 * c.layers * c.context * c.width


def measure(name, c):
    torch.manual_seed(1)
    model = Llama(c)
    run = torch.compile(model) if name == "torch-compile" else model
    groups = [
        {"params": [p for p in model.parameters() if p.dim() >= 2], "weight_decay": 0.1},
        {"params": [p for p in model.parameters() if p.dim() < 2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.95), fused=True)
    data = torch.randint(c.vocab, (c.batch, c.context + 1))
    ids, targets = data[:, :-1].contiguous(), data[:, 1:].contiguous()
    losses, ms = [], []
    for step in range(c.warmup + c.steps):
        start = time.perf_counter()
        loss = run(ids, targets)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0, foreach=True)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(loss.item())
        if step >= c.warmup:
            ms.append(1000 * (time.perf_counter() - start))
    ms_per_step = statistics.median(ms)
    tokens_per_second = c.batch * c.context / ms_per_step * 1000
    return {
        "peer": name,
        "version": torch.__version__,
        "threads": c.threads,
        "parameters": sum(p.numel() for p in model.parameters()),
        "steps": c.steps,
        "msPerStep": round(ms_per_step, 1),
        "msFastest": round(min(ms), 1),
        "tokensPerSecond": round(tokens_per_second, 1),
        "modelGflopPerSecond": round(tokens_per_second * flops_per_token(model, c) / 1e9, 1),
        "firstLoss": round(losses[0], 4),
        "lastLoss": round(losses[-1], 4),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    sizes = {"width": 384, "layers": 6, "heads": 6, "inner": 1024, "vocab": 4096, "batch": 16, "context": 256}
    for key, value in {**sizes, "threads": 2, "warmup": 3, "steps": 10}.items():
        parser.add_argument(f"--{key}", type=int, default=value)
    parser.add_argument("--peers", nargs="+", default=["torch-eager", "torch-compile"])
    c = parser.parse_args()
    torch.set_num_threads(c.threads)
    print(json.dumps({"sgemmPeakGflopPerSecond": round(sgemm_peak(), 1), "threads": c.threads}), flush=True)
    for name in c.peers:
        if name == "torch-compile" and not (shutil.which("g++") or shutil.which("clang++")):
            print(json.dumps({"peer": name, "skipped": "no C++ compiler is installed"}), flush=True)
            continue
        print(json.dumps(measure(name, c)), flush=True)


if __name__ == "__main__":
    main()
