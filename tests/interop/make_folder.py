"""Writes model folders with transformers, each with a trained tokenizer and what transformers computes from it.

Run: python make_folder.py FOLDER [NAME...]
Each FOLDER/NAME holds a model, expected.json (texts with their ids, a prompt with its most probable continuation) and
expected.safetensors (the logits of text N as "logits.N"). Prints the names as JSON.
"""

import json
import pathlib
import sys

import torch
from safetensors.torch import save_file
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

TEXTS = [
    "The quick brown fox jumps over the lazy dog.",
    "It's 3 o'clock; they'll count 1234567 sheep -- won't they?",
    "  two  spaces,\ttabs\n\nand new lines \n",
    "Zażółć gęślą jaźń, 你好世界, привет, 🙂👩‍👩‍👧 e\u0301",
    "x",
]
NEW_TOKENS = 12
VOCAB_SIZE = 320

# The pattern that Llama 3's tokenizer.json splits by.
LLAMA3_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
LLAMA3_SCALING = {
    "rope_type": "llama3",
    "rope_theta": 100.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 2.0,
    "original_max_position_embeddings": 16,
}


def gpt2_tokenizer():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return finished(tokenizer, "<|endoftext|>", "<|endoftext|>")


def llama3_tokenizer():
    """Llama 3's split, and a text that begins with <|begin_of_text|>."""
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    split = pre_tokenizers.Split(Regex(LLAMA3_PATTERN), behavior="isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    begin = "<|begin_of_text|>"
    made = finished(tokenizer, begin, "<|end_of_text|>")
    template = processors.TemplateProcessing(
        single=f"{begin} $A", pair=f"{begin} $A {begin} $B", special_tokens=[(begin, made.bos_token_id)]
    )
    made.backend_tokenizer.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), template])
    return made


def finished(tokenizer, bos, eos):
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB_SIZE,
        special_tokens=list(dict.fromkeys([bos, eos])),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS * 3, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=bos, eos_token=eos)


def gpt2(tokenizer, **changes):
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=len(tokenizer),
            n_positions=128,
            n_embd=48,
            n_head=4,
            n_layer=2,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            **changes,
        )
    )


def llama(tokenizer, **changes):
    sizes = {
        "vocab_size": len(tokenizer),
        "hidden_size": 48,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "intermediate_size": 80,
        "num_hidden_layers": 2,
        "max_position_embeddings": 128,
        "rms_norm_eps": 1e-5,
        "tie_word_embeddings": False,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }
    return LlamaForCausalLM(LlamaConfig(**{**sizes, **changes}))


FAMILIES = pathlib.Path(__file__).parent.parent / "golden" / "families"


def family(name):
    """Builds the model of a golden family's config, with the tokenizer's vocabulary."""

    def build(tokenizer):
        config = AutoConfig.from_pretrained(FAMILIES / name)
        config.get_text_config().vocab_size = len(tokenizer)
        return AutoModelForCausalLM.from_config(config)

    return build


def old_rope(folder):
    """config.json as transformers wrote it before version 5: rope_theta beside rope_scaling, torch_dtype."""
    file = folder / "config.json"
    config = json.loads(file.read_text())
    rope = config.pop("rope_parameters")
    config["rope_theta"] = rope.pop("rope_theta")
    config["rope_scaling"] = None if rope["rope_type"] == "default" else rope
    config["torch_dtype"] = config.pop("dtype")
    file.write_text(json.dumps(config, indent=2))


VARIANTS = {
    "gpt2": {"build": gpt2, "tokenizer": gpt2_tokenizer},
    "gpt2-exact-gelu": {"build": gpt2, "tokenizer": gpt2_tokenizer, "config": {"activation_function": "gelu"}},
    "gpt2-base-names": {"build": gpt2, "tokenizer": gpt2_tokenizer, "base": True},
    "gpt2-float16": {"build": gpt2, "tokenizer": gpt2_tokenizer, "dtype": torch.float16},
    "llama": {"build": llama, "tokenizer": llama3_tokenizer},
    "llama-sharded": {"build": llama, "tokenizer": llama3_tokenizer, "shard": "60KB"},
    "llama-bf16": {"build": llama, "tokenizer": llama3_tokenizer, "dtype": torch.bfloat16},
    "llama-bf16-sharded": {"build": llama, "tokenizer": gpt2_tokenizer, "dtype": torch.bfloat16, "shard": "40KB"},
    "llama-tied-scaled": {
        "build": llama,
        "tokenizer": llama3_tokenizer,
        "config": {"tie_word_embeddings": True, "head_dim": 16, "rope_parameters": LLAMA3_SCALING},
    },
    "llama-old-config": {
        "build": llama,
        "tokenizer": llama3_tokenizer,
        "config": {"rope_parameters": LLAMA3_SCALING},
        "after": old_rope,
    },
    "llama-biased": {
        "build": llama,
        "tokenizer": llama3_tokenizer,
        "config": {"attention_bias": True, "mlp_bias": True},
    },
}

VARIANTS |= {
    path.name: {"build": family(path.name), "tokenizer": gpt2_tokenizer, "reader": PreTrainedTokenizerFast}
    for path in sorted(FAMILIES.iterdir())
    if path.is_dir() and path.name not in VARIANTS
}


def randomise(model):
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape)
            if parameter.dim() >= 2:
                parameter.copy_(noise * (0.5 if "wte" in name or "embed" in name else 0.2))
            else:
                parameter.copy_(0.3 * noise + (1 if name.endswith("weight") else 0))


def make(
    folder, name, *, build, tokenizer, config=None, dtype=torch.float32, shard="5GB", base=False, after=None, reader=AutoTokenizer
):
    torch.manual_seed(len(name))
    made = tokenizer()
    model = build(made, **(config or {}))
    randomise(model)
    model = model.to(dtype).eval()
    (model.base_model if base else model).save_pretrained(folder / name, max_shard_size=shard)
    made.save_pretrained(folder / name)
    if after:
        after(folder / name)
    expect(folder / name, reader)


def expect(folder, reader):
    """From the files, as a user would: float32 arithmetic whatever the stored type.

    AutoTokenizer takes the family's own way of splitting text, whatever tokenizer.json says, for some families.
    """
    tokenizer = reader.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    texts, logits = [], {}
    with torch.no_grad():
        for i, text in enumerate(TEXTS):
            ids = tokenizer(text)["input_ids"]
            bare = tokenizer(text, add_special_tokens=False)["input_ids"]
            texts.append({"text": text, "ids": ids, "bareIds": bare, "decoded": tokenizer.decode(bare)})
            logits[f"logits.{i}"] = model(input_ids=torch.tensor([ids])).logits[0].contiguous()
        ids = prompt = tokenizer(TEXTS[0])["input_ids"]
        for _ in range(NEW_TOKENS):
            ids = [*ids, model(input_ids=torch.tensor([ids])).logits[0, -1].argmax().item()]
    expected = {"texts": texts, "prompt": prompt, "continuation": ids[len(prompt) :]}
    (folder / "expected.json").write_text(json.dumps(expected))
    save_file(logits, folder / "expected.safetensors")


if __name__ == "__main__":
    torch.set_num_threads(1)
    names = sys.argv[2:] or list(VARIANTS)
    for each in names:
        make(pathlib.Path(sys.argv[1]), each, **VARIANTS[each])
    print(json.dumps(names))
