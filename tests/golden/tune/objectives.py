"""Writes objectives.json: losses, metrics and gradients of TRL's own loss functions on random logits.

Needs torch, transformers and trl (made with torch 2.15, transformers 5.24, trl 1.16) with what trl imports (accelerate, datasets). Run it here:
python objectives.py
"""
import collections
import json
import pathlib
from types import SimpleNamespace

import torch
from torch.nn import functional as F
from trl.experimental.cpo.cpo_trainer import CPOTrainer
from trl.experimental.gkd.gkd_trainer import GKDTrainer
from trl.experimental.orpo.orpo_trainer import ORPOTrainer
from trl.trainer.dpo_trainer import DPOTrainer
from trl.trainer.grpo_trainer import GRPOTrainer
from trl.trainer.kto_trainer import KTOTrainer
from trl.trainer.reward_trainer import RewardTrainer

PAIRS, T, V = 3, 5, 7
ROWS = 2 * PAIRS
torch.manual_seed(11)
torch.set_default_dtype(torch.float64)


class Accelerator:
    """One process."""

    device = torch.device("cpu")
    num_processes = 1
    sync_gradients = True

    def gather(self, x):
        return x

    gather_for_metrics = gather

    def reduce(self, x, reduction):
        return x


class Trainer(SimpleNamespace):
    """What the loss functions read of a trainer."""

    def __init__(self, **fields):
        super().__init__(
            accelerator=Accelerator(),
            model=SimpleNamespace(training=True),
            aux_loss_enabled=False,
            use_weighting=False,
            _tp_size=1,
            _total_train_tokens=0,
            _metrics={"train": collections.defaultdict(list)},
            **fields,
        )

    def told(self, *names):
        return {name: float(self._metrics["train"][name][-1]) for name in names}


def inputs_of(rows=ROWS):
    """Logits (R, T, V) of T positions, their targets, and a mask of answers of different lengths."""
    logits = (2 * torch.randn(rows, T, V)).requires_grad_()
    targets = torch.randint(0, V, (rows, T))
    mask = torch.zeros(rows, T)
    for row in range(rows):
        start = 1 + row % 2
        mask[row, start : start + 2 + row % (T - start - 1)] = 1
    return logits, targets, mask


def whole(targets, mask):
    """The sequences that the targets follow from, and the mask of their tokens: (R, T + 1)."""
    first = torch.zeros(len(targets), 1, dtype=torch.long)
    return torch.cat([first, targets], 1), torch.cat([torch.zeros(len(mask), 1), mask], 1).long()


def model_of(logits):
    """A model that says these logits whatever it is asked, as TRL's fused head does."""

    def model(input_ids, labels, **_):
        logps = F.log_softmax(logits, -1)
        kept = labels[:, 1:] != -100
        picked = logps.gather(-1, labels[:, 1:].clamp(min=0).unsqueeze(-1)).squeeze(-1)
        entropy = -(logps.exp() * logps).sum(-1)
        top = logits.argmax(-1) == labels[:, 1:]
        return SimpleNamespace(log_probs=picked * kept, entropy=entropy, mean_logits=logits.mean(-1), is_top1=top)

    return model


def array(x):
    return {"shape": list(x.shape), "data": [round(v, 9) for v in x.detach().double().flatten().tolist()]}


def case(loss, metrics, options, moving, **still):
    loss.backward()
    return {
        "options": options,
        "inputs": {name: array(x) for name, x in {**moving, **still}.items()},
        "loss": loss.item(),
        "metrics": metrics,
        "grads": {name: array(x.grad) for name, x in moving.items()},
    }


REWARDS = ("rewards/chosen", "rewards/rejected", "rewards/margins", "rewards/accuracies")


def dpo():
    logits, targets, mask = inputs_of()
    reference = -6 + torch.randn(ROWS)
    ids, completion = whole(targets, mask)
    trainer = Trainer(
        ld_alpha=None,
        precompute_ref_logps=True,
        f_divergence_type="reverse_kl",
        loss_types=["sigmoid"],
        loss_weights=[1.0],
        beta=0.3,
    )
    batch = {
        "input_ids": ids,
        "completion_mask": completion,
        "attention_mask": torch.ones_like(ids),
        "ref_chosen_logps": reference[:PAIRS],
        "ref_rejected_logps": reference[PAIRS:],
    }
    loss = DPOTrainer._compute_loss(trainer, model_of(logits), batch, False)
    options = {"beta": 0.3, "labelSmoothing": 0}
    return case(
        loss, trainer.told(*REWARDS), options, {"logits": logits}, targets=targets, mask=mask, reference=reference
    )


def cautious_dpo():
    """cDPO: TRL has its formula in CPO's loss, here of log-ratios to the reference."""
    logits, targets, mask = inputs_of()
    reference = -6 + torch.randn(ROWS)
    logps = sequence_logps(logits, targets, mask) - reference
    trainer = Trainer(alpha=0.0, loss_type="sigmoid", beta=0.2, label_smoothing=0.1)
    losses, chosen, rejected = CPOTrainer.cpo_loss(trainer, *logps.chunk(2))
    options = {"beta": 0.2, "labelSmoothing": 0.1}
    return case(
        losses.mean(),
        rewards(chosen, rejected),
        options,
        {"logits": logits},
        targets=targets,
        mask=mask,
        reference=reference,
    )


def sequence_logps(logits, targets, mask, mean=False):
    """By TRL's function, which wants the sequences."""
    ids, completion = whole(targets, mask)
    labels = ids.masked_fill(completion == 0, -100)
    padded = torch.cat([logits, torch.zeros_like(logits[:, :1])], 1)
    return ORPOTrainer.get_batch_logps(padded, labels, average_log_prob=mean)


def rewards(chosen, rejected):
    margin = chosen - rejected
    values = (chosen.mean(), rejected.mean(), margin.mean(), (margin > 0).double().mean())
    return {name: x.item() for name, x in zip(REWARDS, values)}


def orpo():
    logits, targets, mask = inputs_of()
    trainer = Trainer(beta=0.4)
    logps = sequence_logps(logits, targets, mask, mean=True)
    losses, chosen, rejected, ratio, odds = ORPOTrainer.odds_ratio_loss(trainer, *logps.chunk(2))
    nll = F.cross_entropy(logits[:PAIRS].reshape(-1, V), targets[:PAIRS].reshape(-1))
    metrics = {
        **rewards(chosen, rejected),
        "nll_loss": nll.item(),
        "log_odds_ratio": ratio.item(),
        "log_odds_chosen": odds.item(),
    }
    return case(nll - losses.mean(), metrics, {"beta": 0.4}, {"logits": logits}, targets=targets, mask=mask)


def simpo():
    logits, targets, mask = inputs_of()
    trainer = Trainer(alpha=0.0, loss_type="simpo", beta=2.0, simpo_gamma=0.7, label_smoothing=0.0)
    logps = sequence_logps(logits, targets, mask, mean=True)
    losses, chosen, rejected = CPOTrainer.cpo_loss(trainer, *logps.chunk(2))
    options = {"beta": 2.0, "gamma": 0.7}
    return case(losses.mean(), rewards(chosen, rejected), options, {"logits": logits}, targets=targets, mask=mask)


def kto(shift):
    """`shift` moves the reference of the mismatched answers: the divergence is above zero, or held at it."""
    logits, targets, mask = inputs_of()
    ids, completion = whole(targets, mask)
    mismatched, kl_targets, kl_mask = inputs_of()
    kl_ids, kl_completion = whole(kl_targets, kl_mask)
    labels = torch.tensor([1, 0, 1, 1, 0, 1])
    reference = -6 + torch.randn(ROWS)
    kl_policy = sequence_logps(mismatched, kl_targets, kl_mask).detach()
    kl_reference = kl_policy + shift + torch.randn(ROWS)
    trainer = Trainer(
        calculate_KL=True,
        precompute_ref_logps=True,
        loss_type="kto",
        beta=0.3,
        desirable_weight=1.0,
        undesirable_weight=1.5,
        _compute_kl_logps=lambda model, batch: kl_policy,
    )
    batch = {
        "input_ids": ids,
        "completion_mask": completion,
        "attention_mask": torch.ones_like(ids),
        "KL_input_ids": kl_ids,
        "KL_completion_mask": kl_completion,
        "label": labels,
        "ref_logps": reference,
        "ref_KL_logps": kl_reference,
    }
    loss = KTOTrainer._compute_loss(trainer, model_of(logits), batch, False)
    options = {"beta": 0.3, "desirableWeight": 1.0, "undesirableWeight": 1.5}
    return case(
        loss,
        trainer.told("kl", *REWARDS[:3]),
        options,
        {"logits": logits},
        targets=targets,
        mask=mask,
        labels=labels,
        reference=reference,
        kl_policy=kl_policy,
        kl_reference=kl_reference,
    )


def reward(centre):
    scores = torch.randn(ROWS, 1).requires_grad_()
    trainer = Trainer(args=SimpleNamespace(center_rewards_coefficient=centre or None))
    batch = {"attention_mask": torch.ones(ROWS, T)}
    loss = RewardTrainer.compute_loss(trainer, lambda **_: SimpleNamespace(logits=scores), batch)
    told = trainer.told("margin", "accuracy")
    metrics = {"rewards/margins": told["margin"], "rewards/accuracies": told["accuracy"]}
    return case(loss, metrics, {"centre": centre}, {"scores": scores})


def distillation(temperature):
    logits, targets, mask = inputs_of()
    teacher = 2 * torch.randn(ROWS, T, V)
    labels = targets.masked_fill(mask == 0, -100)
    kl = GKDTrainer.generalized_jsd_loss(
        logits, teacher, labels, beta=0, temperature=temperature, reduction="sum"
    ) / mask.sum()
    nll = F.cross_entropy(logits.reshape(-1, V), labels.reshape(-1))
    loss = 0.6 * temperature**2 * kl + 0.4 * nll
    metrics = {"kl": kl.item(), "nll_loss": nll.item()}
    options = {"temperature": temperature, "alpha": 0.6}
    return case(loss, metrics, options, {"logits": logits}, targets=targets, mask=mask, teacher=teacher)


def grpo(loss_type, beta, high):
    logits, targets, mask = inputs_of()
    logps = F.log_softmax(logits, -1).gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    old = logps.detach() + 0.4 * torch.randn(ROWS, T)
    reference = logps.detach() + 0.5 * torch.randn(ROWS, T)
    advantages = torch.randn(ROWS)
    longest = 9
    trainer = Trainer(
        _get_per_token_logps_and_entropies=lambda *_, **__: (logps, torch.zeros(ROWS, T), None),
        top_entropy_quantile=1.0,
        off_policy_mask_threshold=None,
        importance_sampling_level="token",
        beta=beta,
        loss_type=loss_type,
        epsilon_low=0.2,
        epsilon_high=high,
        use_vllm=False,
        current_gradient_accumulation_steps=1,
        max_completion_length=longest,
        _entropy_bonus_enabled=False,
        args=SimpleNamespace(delta=None, use_bias_correction_kl=False, steps_per_generation=1),
    )
    batch = {
        "prompt_ids": torch.zeros(ROWS, 1, dtype=torch.long),
        "prompt_mask": torch.ones(ROWS, 1),
        "completion_ids": targets,
        "completion_mask": mask,
        "advantages": advantages,
        "old_per_token_logps": old,
        "ref_per_token_logps": reference,
        "num_items_in_batch": mask.sum(),
    }
    loss = GRPOTrainer._compute_loss(trainer, None, batch)
    weights = {
        "grpo": mask / mask.sum(-1, keepdim=True) / ROWS,
        "dapo": mask / mask.sum(),
        "dr_grpo": mask / (ROWS * longest),
    }[loss_type]
    metrics = {} if loss_type != "dapo" else {"clip_ratio": trainer.told("clip_ratio/region_mean")["clip_ratio/region_mean"]}
    if loss_type == "dapo" and beta:
        metrics["kl"] = trainer.told("kl")["kl"]
    options = {"clipLow": 0.2, "clipHigh": high, "beta": beta}
    return case(
        loss,
        metrics,
        options,
        {"logits": logits},
        targets=targets,
        weights=weights,
        old=old,
        reference=reference,
        advantages=advantages,
    )


if __name__ == "__main__":
    cases = {
        "dpo": dpo(),
        "dpo with label smoothing": cautious_dpo(),
        "orpo": orpo(),
        "simpo": simpo(),
        "kto": kto(-2.0),
        "kto with no divergence": kto(2.0),
        "reward": reward(0),
        "reward with centred scores": reward(0.01),
        "distillation": distillation(1.0),
        "distillation at temperature 2": distillation(2.0),
        "grpo": grpo("grpo", 0.04, 0.2),
        "grpo as DAPO": grpo("dapo", 0.1, 0.28),
        "grpo as Dr. GRPO": grpo("dr_grpo", 0.0, 0.2),
    }
    pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(cases, separators=(",", ":")) + "\n")
