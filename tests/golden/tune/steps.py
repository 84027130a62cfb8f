"""Writes steps.json: ten AdamW steps of llama-tiny by TRL's loss functions, on pairs, answers and rows that it also writes.

Needs what objectives.py needs. Run it here: python steps.py
"""
import json
import pathlib

import torch
from objectives import (
    CPOTrainer,
    DPOTrainer,
    F,
    GKDTrainer,
    KTOTrainer,
    ORPOTrainer,
    REWARDS,
    RewardTrainer,
    SimpleNamespace,
    Trainer,
)
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

HERE = pathlib.Path(__file__).parent
MODEL = HERE.parent / "models" / "llama-tiny"
STEPS, LEARNING_RATE, PAD = 10, 3e-3, 0
torch.manual_seed(5)


def load():
    return AutoModelForCausalLM.from_pretrained(MODEL, dtype=torch.float64, attn_implementation="eager")


VOCAB = load().config.vocab_size


def tokens(count):
    return torch.randint(1, VOCAB, (count,)).tolist()


def data():
    prompts = [tokens(n) for n in (3, 5, 2, 4)]
    pairs = [{"prompt": p, "chosen": tokens(c), "rejected": tokens(r)} for p, c, r in zip(prompts, (4, 2, 6, 3), (3, 5, 2, 6))]
    answers = [
        {"prompt": p, "completion": tokens(n), "label": label}
        for p, n, label in zip(prompts, (3, 5, 4, 2), (True, False, False, True))
    ]
    return {"pairs": pairs, "answers": answers}


def padded(rows):
    """Sequences of (prompt, answer) with padding behind them: ids, attention mask, mask of answers."""
    longest = max(len(p) + len(a) for p, a in rows)
    ids = torch.full((len(rows), longest), PAD)
    attention = torch.zeros_like(ids)
    completion = torch.zeros_like(ids)
    for i, (p, a) in enumerate(rows):
        ids[i, : len(p) + len(a)] = torch.tensor(p + a)
        attention[i, : len(p) + len(a)] = 1
        completion[i, len(p) : len(p) + len(a)] = 1
    return {"input_ids": ids, "attention_mask": attention, "completion_mask": completion}


def model_of(model):
    """As TRL's fused head speaks, for a model of transformers."""

    def call(input_ids, attention_mask, labels, **_):
        logits = model(input_ids=input_ids, attention_mask=attention_mask).logits[:, :-1]
        logps = F.log_softmax(logits, -1)
        kept = labels[:, 1:] != -100
        picked = logps.gather(-1, labels[:, 1:].clamp(min=0).unsqueeze(-1)).squeeze(-1)
        return SimpleNamespace(
            log_probs=picked * kept,
            entropy=-(logps.exp() * logps).sum(-1),
            mean_logits=logits.mean(-1),
            is_top1=logits.argmax(-1) == labels[:, 1:],
        )

    return call


def logps_of(model, batch, mean=False):
    logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    labels = batch["input_ids"].masked_fill(batch["completion_mask"] == 0, -100)
    return ORPOTrainer.get_batch_logps(logits, labels, average_log_prob=mean), logits


def steps(model, step):
    """Losses, gradient norms and metrics of ten steps."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0)
    found = {"losses": [], "norms": [], "metrics": []}
    for _ in range(STEPS):
        loss, metrics = step()
        optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_([p for p in model.parameters() if p.grad is not None], 1.0)
        optimizer.step()
        found["losses"].append(loss.item())
        found["norms"].append(norm.item())
        found["metrics"].append(metrics)
    return found


def pair_batch(pairs):
    return padded([(p["prompt"], p[kind]) for kind in ("chosen", "rejected") for p in pairs])


def mean_rewards(chosen, rejected):
    margin = chosen - rejected
    values = (chosen.mean(), rejected.mean(), margin.mean(), (margin > 0).double().mean())
    return {name: x.item() for name, x in zip(REWARDS, values)}


def dpo(pairs):
    model, batch = load(), pair_batch(pairs)
    with torch.no_grad():
        reference, _ = logps_of(model, batch)
    batch["ref_chosen_logps"], batch["ref_rejected_logps"] = reference.chunk(2)
    trainer = Trainer(
        ld_alpha=None,
        precompute_ref_logps=True,
        f_divergence_type="reverse_kl",
        loss_types=["sigmoid"],
        loss_weights=[1.0],
        beta=0.1,
    )

    def step():
        loss = DPOTrainer._compute_loss(trainer, model_of(model), batch, False)
        return loss, trainer.told(*REWARDS)

    return steps(model, step)


def orpo(pairs):
    model, batch = load(), pair_batch(pairs)
    trainer = Trainer(beta=0.1)

    def step():
        logps, logits = logps_of(model, batch, mean=True)
        losses, chosen, rejected, *_ = ORPOTrainer.odds_ratio_loss(trainer, *logps.chunk(2))
        ids = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)[: len(pairs), 1:]
        nll = F.cross_entropy(logits[: len(pairs), :-1].reshape(-1, VOCAB), ids.reshape(-1))
        return nll - losses.mean(), mean_rewards(chosen, rejected)

    return steps(model, step)


def simpo(pairs):
    model, batch = load(), pair_batch(pairs)
    trainer = Trainer(alpha=0.0, loss_type="simpo", beta=2.0, simpo_gamma=1.0, label_smoothing=0.0)

    def step():
        losses, chosen, rejected = CPOTrainer.cpo_loss(trainer, *logps_of(model, batch, mean=True)[0].chunk(2))
        return losses.mean(), mean_rewards(chosen, rejected)

    return steps(model, step)


def kto(answers):
    model = load()
    batch = padded([(a["prompt"], a["completion"]) for a in answers])
    # TRL's own pairing in a batch that is the whole set: each prompt with the answer before it.
    mismatched = padded([(a["prompt"], answers[i - 1]["completion"]) for i, a in enumerate(answers)])
    with torch.no_grad():
        reference, _ = logps_of(model, batch)
        kl_reference, _ = logps_of(model, mismatched)

    def kl_logps(_, __):
        with torch.no_grad():
            return logps_of(model, mismatched)[0]

    trainer = Trainer(
        calculate_KL=True,
        precompute_ref_logps=True,
        loss_type="kto",
        beta=0.1,
        desirable_weight=1.0,
        undesirable_weight=1.0,
        _compute_kl_logps=kl_logps,
    )
    batch.update(
        KL_input_ids=mismatched["input_ids"],
        KL_completion_mask=mismatched["completion_mask"],
        label=torch.tensor([int(a["label"]) for a in answers]),
        ref_logps=reference,
        ref_KL_logps=kl_reference,
    )

    def step():
        loss = KTOTrainer._compute_loss(trainer, model_of(model), batch, False)
        return loss, trainer.told(*REWARDS[:3])

    return steps(model, step)


def sft(answers):
    """The mean over the tokens of completions, which TRL asks of transformers."""
    model, batch = load(), padded([(a["prompt"], a["completion"]) for a in answers])
    labels = batch["input_ids"].masked_fill(batch["completion_mask"] == 0, -100)

    def step():
        return model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], labels=labels).loss, {}

    return steps(model, step)


def reward(pairs):
    model = AutoModelForSequenceClassification.from_pretrained(
        MODEL, num_labels=1, dtype=torch.float64, attn_implementation="eager", pad_token_id=PAD
    )
    score = 0.1 * torch.randn(model.score.weight.shape)
    model.score.weight.data.copy_(score)
    batch = pair_batch(pairs)
    del batch["completion_mask"]
    trainer = Trainer(args=SimpleNamespace(center_rewards_coefficient=0.01))

    def step():
        loss = RewardTrainer.compute_loss(trainer, model, dict(batch))
        told = trainer.told("margin", "accuracy")
        return loss, {"rewards/margins": told["margin"], "rewards/accuracies": told["accuracy"]}

    return {"score": score.flatten().tolist(), **steps(model, step)}


def distillation(answers):
    """The teacher is the model itself with another head: twice as sure, and of the tokens in reverse."""
    model, teacher, batch = load(), load(), padded([(a["prompt"], a["completion"]) for a in answers])
    with torch.no_grad():
        logits = 2 * teacher(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits[:, :-1].flip(-1)
    labels = batch["input_ids"].masked_fill(batch["completion_mask"] == 0, -100)[:, 1:]
    count = (labels != -100).sum()

    def step():
        student = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits[:, :-1]
        kl = GKDTrainer.generalized_jsd_loss(student, logits, labels, beta=0, temperature=2.0, reduction="sum") / count
        nll = F.cross_entropy(student.reshape(-1, VOCAB), labels.reshape(-1))
        return 0.7 * 4 * kl + 0.3 * nll, {"kl": kl.item(), "nll_loss": nll.item()}

    return steps(model, step)


def rounded(x):
    if isinstance(x, float):
        return round(x, 8)
    if isinstance(x, dict):
        return {k: rounded(v) for k, v in x.items()}
    return [rounded(v) for v in x] if isinstance(x, list) else x


if __name__ == "__main__":
    known = data()
    pairs, answers = known["pairs"], known["answers"]
    runs = {
        "sft": sft(answers),
        "dpo": dpo(pairs),
        "orpo": orpo(pairs),
        "simpo": simpo(pairs),
        "kto": kto(answers),
        "reward": reward(pairs),
        "distillation": distillation(answers),
    }
    (HERE / "steps.json").write_text(json.dumps(rounded({**known, "runs": runs}), separators=(",", ":")) + "\n")
