"""Writes adamw.json: 20 steps of torch's AdamW with gradient clipping, on a small tensor with fixed gradients.

Run: python test/reference/adamw.py   (torch, CPU)
"""

import json
import math
import pathlib

import torch

COUNT, STEPS = 9, 20
LR, BETAS, EPS, DECAY, MAX_NORM = 3e-3, (0.9, 0.999), 1e-8, 0.1, 0.5


def gradient(step: int) -> torch.Tensor:
    """Some steps lie above the clipping norm, some below, and the values span orders of magnitude."""
    scale = 10.0 ** (step % 4 - 2)
    return torch.tensor([scale * math.sin(1.7 * step + 0.9 * i) for i in range(COUNT)], dtype=torch.float32)


parameter = torch.nn.Parameter(torch.tensor([0.3 * (i - 4) for i in range(COUNT)], dtype=torch.float32))
optimizer = torch.optim.AdamW(
    [parameter], lr=LR, betas=BETAS, eps=EPS, weight_decay=DECAY, foreach=False, fused=False
)
trace = {
    "torch": torch.__version__,
    "lr": LR,
    "betas": BETAS,
    "epsilon": EPS,
    "decay": DECAY,
    "maxNorm": MAX_NORM,
    "initial": parameter.detach().tolist(),
    "steps": [],
}
for step in range(1, STEPS + 1):
    parameter.grad = gradient(step)
    raw = parameter.grad.tolist()
    torch.nn.utils.clip_grad_norm_([parameter], MAX_NORM)
    optimizer.step()
    trace["steps"].append({"gradient": raw, "parameter": parameter.detach().tolist()})
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(trace, indent=1) + "\n")
