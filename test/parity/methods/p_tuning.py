"""P-tuning with both encoders against PEFT."""

import torch
import torch.nn.functional as F
from peft import PeftModel, PromptEncoderConfig, get_peft_model
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

from cases import case, short

MLP = {"type": "p-tuning", "num_virtual_tokens": 6, "encoder_hidden_size": 20}
LSTM = {**MLP, "encoder_reparameterization_type": "LSTM", "encoder_hidden_size": 12}

CASES = [
    case("p-tuning-mlp-gpt2", "gpt2", MLP, max_length=40, learning_rate=2e-3, weight_decay=0.01),
    case("p-tuning-mlp-llama", "llama", MLP, max_length=40, learning_rate=2e-3),
    case("p-tuning-lstm-gpt2", "gpt2", LSTM, max_length=40, learning_rate=2e-3),
    case("p-tuning-lstm-llama", "llama", LSTM, max_length=40, learning_rate=2e-3, weight_decay=0.1),
    case(
        "p-tuning-lstm-qwen2", "qwen2", {**LSTM, "num_virtual_tokens": 1, "encoder_num_layers": 3}, max_length=40,
        learning_rate=2e-3,
    ),
]


def attach(model, spec, folder):
    method = spec["method"]
    config = PromptEncoderConfig(task_type="CAUSAL_LM", **{key: value for key, value in method.items() if key != "type"})
    model = get_peft_model(model, config)
    start = {short(name): p.detach().clone() for name, p in model.named_parameters() if p.requires_grad}
    save_file(start, folder / "initial.safetensors")
    return model, {}


def loss_sum(model, spec, batch, pad):
    """PEFT puts the prompt before the tokens, so the last virtual token predicts the first one."""
    ids, labels, mask = pad(batch)
    logits = model(input_ids=ids, attention_mask=mask).logits[:, spec["method"]["num_virtual_tokens"] - 1 : -1]
    return F.cross_entropy(
        logits.reshape(-1, logits.shape[-1]).float(), labels.reshape(-1), ignore_index=-100, reduction="sum"
    )


def loss_tokens(spec, row):
    return sum(label != -100 for label in row["labels"])


def exported(folder, spec):
    base = AutoModelForCausalLM.from_pretrained(folder / "model", attn_implementation="eager", dtype=torch.float32)
    return PeftModel.from_pretrained(base, folder / "ours/adapter")
