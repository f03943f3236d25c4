"""The configurations that parity runs, and the small random models they run on.

Every case trains 50 optimizer steps on rows of unequal lengths with prompts masked, from weights, an initial adapter
and a row order that both sides read from the same files.
"""

import json
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

VOCABULARY = 131
STEPS = 50

MODELS = {
    "gpt2": lambda: GPT2LMHeadModel(
        GPT2Config(
            vocab_size=VOCABULARY, n_positions=64, n_embd=48, n_layer=2, n_head=4, bos_token_id=0, eos_token_id=0,
            resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
        )
    ),
    "llama": lambda: LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCABULARY, hidden_size=64, intermediate_size=112, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, max_position_embeddings=64, rms_norm_eps=1e-5, tie_word_embeddings=False,
            bos_token_id=0, eos_token_id=0,
        )
    ),
    "qwen2": lambda: Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=VOCABULARY, hidden_size=56, intermediate_size=96, num_hidden_layers=2, num_attention_heads=7,
            num_key_value_heads=1, max_position_embeddings=64, rms_norm_eps=1e-6, tie_word_embeddings=True,
            rope_theta=1000000.0, bos_token_id=0, eos_token_id=0,
        )
    ),
}

BASE_TRAINING = {
    "max_steps": STEPS, "per_device_train_batch_size": 3, "gradient_accumulation_steps": 2, "seed": 7, "save_steps": 0,
    "importance_steps": 0, "lr_scheduler_type": "linear", "warmup_steps": 5, "max_grad_norm": 1.0,
}

FULL = {"type": "full"}
LORA = {"type": "lora", "r": 4, "lora_alpha": 8, "target_modules": "all-linear"}


def case(name, model, method, **training):
    return {"name": name, "model": model, "method": method, "training": {**BASE_TRAINING, **training}}


CASES = [
    case("full-gpt2", "gpt2", FULL, learning_rate=1e-3, weight_decay=0.1),
    case("full-llama", "llama", FULL, learning_rate=1e-3, weight_decay=0.01, lr_scheduler_type="cosine"),
    case("full-qwen2", "qwen2", FULL, learning_rate=5e-4, max_grad_norm=0.3, adam_beta2=0.95),
    case("lora-gpt2", "gpt2", LORA, learning_rate=5e-3, weight_decay=0.01),
    case("lora-llama", "llama", LORA, learning_rate=5e-3, lr_scheduler_type="cosine", warmup_steps=0, warmup_ratio=0.1),
    case("lora-qwen2", "qwen2", LORA, learning_rate=5e-3, lr_scheduler_type="constant_with_warmup"),
    case(
        "lora-llama-rslora-patterns", "llama",
        {
            **LORA, "use_rslora": True, "rank_pattern": {"q_proj": 7, "layers.1.mlp.down_proj": 2},
            "alpha_pattern": {"v_proj": 5},
        },
        learning_rate=2e-3, max_grad_norm=0.5, weight_decay=0.1,
    ),
    case(
        "lora-gpt2-some-layers", "gpt2",
        {**LORA, "r": 3, "target_modules": ["c_attn", "mlp.c_proj"], "layers_to_transform": [1]},
        learning_rate=1e-2, lr_scheduler_type="constant", warmup_steps=0, max_grad_norm=0,
    ),
    case("lora-plus-llama", "llama", {**LORA, "loraplus_lr_ratio": 8}, learning_rate=1e-3, gradient_accumulation_steps=3),
]


def lora_config(method):
    keys = ("r", "lora_alpha", "target_modules", "use_rslora", "rank_pattern", "alpha_pattern", "layers_to_transform")
    return LoraConfig(task_type="CAUSAL_LM", lora_dropout=0.0, **{k: method[k] for k in keys if k in method})


def build_model(name):
    torch.manual_seed(11)
    model = MODELS[name]()
    with torch.no_grad():
        for key, tensor in model.named_parameters():
            # Default initialisation leaves biases at zero and norms at one, which would hide mistakes in them.
            if tensor.dim() == 1:
                tensor.add_(0.1 * torch.randn_like(tensor))
            elif name != "gpt2":
                tensor.mul_(4.0)
    return model


def write_tokenizer(folder):
    """Rows are token ids already; a folder still has to be complete to be a model."""
    words = {"<end>": 0, **{f"w{i}": i for i in range(1, VOCABULARY)}}
    tokenizer = Tokenizer(models.WordPiece(words, unk_token="<end>", max_input_chars_per_word=100))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": "<end>"}))


def write_rows(path, count):
    generator = torch.Generator().manual_seed(5)
    with path.open("w") as file:
        for _ in range(count):
            length = int(torch.randint(2, 30, (1,), generator=generator))
            ids = torch.randint(1, VOCABULARY, (length,), generator=generator).tolist()
            masked = int(torch.randint(0, max(1, length - 1), (1,), generator=generator))
            labels = [-100] * masked + ids[masked:]
            file.write(json.dumps({"input_ids": ids, "labels": labels}) + "\n")


def write_case(spec, folder):
    """Model folder, initial adapter, rows and the config that our engine reads."""
    folder.mkdir(parents=True, exist_ok=True)
    model = build_model(spec["model"])
    model.save_pretrained(folder / "model")
    write_tokenizer(folder / "model")
    method = dict(spec["method"])
    if method["type"] == "lora":
        torch.manual_seed(13)
        peft_model = get_peft_model(model, lora_config(method))
        with torch.no_grad():
            for key, tensor in peft_model.named_parameters():
                if "lora_B" in key:
                    tensor.copy_(0.05 * torch.randn_like(tensor))
        peft_model.save_pretrained(folder / "initial")
        method["adapter"] = "initial"
    write_rows(folder / "rows.jsonl", 40)
    config = {
        "model": "./model",
        "data": {"train": "rows.jsonl", "max_length": 64, "shuffle": False},
        "method": method,
        "training": spec["training"],
    }
    (folder / "case.peft.json").write_text(json.dumps(config, indent=2))
    (folder / "case.json").write_text(json.dumps(spec, indent=2))


def chosen(names):
    return [spec for spec in CASES if not names or any(name in spec["name"] for name in names)]


def write_all(root, names):
    for spec in chosen(names):
        write_case(spec, Path(root) / spec["name"])
