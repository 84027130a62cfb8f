"""Speed of LoRA training with PyTorch, transformers and peft on the CPU, for the model that ownlm's bench/lora.ts uses.

Llama of SmolLM-135M's shape (width 576, 30 layers, 9 heads over 3, feed-forward 1536, vocabulary 49152, tied), random
weights; adapters of rank 16 on every linear layer but the head; AdamW with the gradients clipped to norm 1; float32, eager,
attention by scaled_dot_product_attention. With --prompt so many tokens at
the beginning of each row have no label; --dropout is in percent. Prints a JSON line. Run on a quiet machine: python lora_torch.py --threads 2
"""

import argparse
import json
import statistics
import time

import peft
import torch
import transformers
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM


def build(c):
    config = LlamaConfig(
        vocab_size=c.vocab,
        hidden_size=c.width,
        num_hidden_layers=c.layers,
        num_attention_heads=c.heads,
        num_key_value_heads=c.kv_heads,
        intermediate_size=c.inner,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        use_cache=False,
    )
    torch.manual_seed(1)
    lora = LoraConfig(
        r=c.rank,
        lora_alpha=2 * c.rank,
        lora_dropout=c.dropout / 100,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    return get_peft_model(LlamaForCausalLM(config), lora).train()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    sizes = {"width": 576, "layers": 30, "heads": 9, "kv_heads": 3, "inner": 1536, "vocab": 49152, "rank": 16}
    for key, value in {**sizes, "batch": 2, "context": 512, "threads": 2, "warmup": 1, "steps": 3, "prompt": 0, "dropout": 0}.items():
        parser.add_argument(f"--{key}", type=int, default=value)
    c = parser.parse_args()
    torch.set_num_threads(c.threads)
    model = build(c)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-4, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
    ids = torch.randint(c.vocab, (c.batch, c.context))
    labels = ids.clone()
    labels[:, : c.prompt] = -100
    losses, ms = [], []
    for step in range(c.warmup + c.steps):
        start = time.perf_counter()
        loss = model(input_ids=ids, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0, foreach=True)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(loss.item())
        if step >= c.warmup:
            ms.append(1000 * (time.perf_counter() - start))
    per_step = statistics.median(ms)
    line = {
        "peer": "torch-peft",
        "version": f"torch {torch.__version__}, transformers {transformers.__version__}, peft {peft.__version__}",
        "threads": c.threads,
        "trainedParameters": sum(p.numel() for p in trained),
        "msPerStep": round(per_step, 1),
        "msFastest": round(min(ms), 1),
        "tokensPerSecond": round(c.batch * c.context / per_step * 1000, 1),
        "firstLoss": round(losses[0], 4),
        "lastLoss": round(losses[-1], 4),
    }
    print(json.dumps(line))


if __name__ == "__main__":
    main()
