"""Full fine-tuning against PyTorch."""

from cases import case

FULL = {"type": "full"}

CASES = [
    case("full-gpt2", "gpt2", FULL, learning_rate=1e-3, weight_decay=0.1),
    case("full-llama", "llama", FULL, learning_rate=1e-3, weight_decay=0.01, lr_scheduler_type="cosine"),
    case("full-qwen2", "qwen2", FULL, learning_rate=5e-4, max_grad_norm=0.3, adam_beta2=0.95),
]


def attach(model, spec, folder):
    return model, {}
