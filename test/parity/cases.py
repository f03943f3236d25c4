"""The small random models that parity runs on, and what all its cases share; the cases are in `methods/`.

Every case trains optimizer steps on rows of unequal lengths with prompts masked, from weights, an initial adapter
and a row order that both sides read from the same files.
"""

import json

import torch
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


def case(name, model, method, memory=None, max_length=64, **training):
    spec = {"name": name, "model": model, "method": method, "training": {**BASE_TRAINING, **training}}
    spec["max_length"] = max_length
    return {**spec, "memory": memory} if memory else spec


def short(name):
    """Parameter names as our engine and a PEFT file without prefix have them."""
    return name.replace("base_model.model.", "").replace(".default", "")


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


def write_inputs(spec, folder, additions):
    """Rows and the config that our engine reads; `additions` go into its method section."""
    write_rows(folder / "rows.jsonl", 40)
    config = {
        "model": "./model",
        "data": {"train": "rows.jsonl", "max_length": spec["max_length"], "shuffle": False},
        "method": {**spec["method"], **additions},
        "training": spec["training"],
        **({"memory": spec["memory"]} if "memory" in spec else {}),
    }
    (folder / "case.peft.json").write_text(json.dumps(config, indent=2))
    (folder / "case.json").write_text(json.dumps(spec, indent=2))
