"""Writes windows.json: which rows transformers' Trainer puts into each optimizer step, in file order.

A one-parameter model records the rows of every forward pass; steps are told apart by the global step.
Run with the packages of test/parity/requirements.txt: python test/reference/windows.py
"""

import json
import pathlib
import tempfile

import torch
import transformers

CASES = [
    {"examples": 10, "batchSize": 2, "accumulation": 2, "maxSteps": -1, "epochs": 2},
    {"examples": 7, "batchSize": 2, "accumulation": 3, "maxSteps": -1, "epochs": 1.5},
    {"examples": 5, "batchSize": 8, "accumulation": 4, "maxSteps": -1, "epochs": 3},
    {"examples": 9, "batchSize": 1, "accumulation": 4, "maxSteps": 7, "epochs": 3},
    {"examples": 12, "batchSize": 3, "accumulation": 1, "maxSteps": -1, "epochs": 0.6},
    {"examples": 11, "batchSize": 2, "accumulation": 2, "maxSteps": -1, "epochs": 2.2},
]


class Recorder(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.batches = []

    def forward(self, row=None, **_):
        self.batches.append(row.tolist())
        return {"loss": (self.weight * row).sum()}


class Steps(transformers.TrainerCallback):
    def __init__(self, model):
        self.model, self.windows, self.seen = model, [], 0

    def on_step_end(self, args, state, control, **kwargs):
        self.windows.append(self.model.batches[self.seen :])
        self.seen = len(self.model.batches)


def run(case):
    model = Recorder()
    steps = Steps(model)
    with tempfile.TemporaryDirectory() as folder:
        args = transformers.TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=case["batchSize"],
            gradient_accumulation_steps=case["accumulation"],
            max_steps=case["maxSteps"],
            num_train_epochs=case["epochs"],
            train_sampling_strategy="sequential",
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            use_cpu=True,
            remove_unused_columns=False,
        )
        rows = [{"row": float(index)} for index in range(case["examples"])]
        trainer = transformers.Trainer(model, args, train_dataset=rows, callbacks=[steps])
        trainer.train()
    windows = [[[int(row) for row in batch] for batch in window] for window in steps.windows]
    return {"windows": windows, "lastEpoch": trainer.state.epoch}


def main():
    cases = [{**case, **run(case)} for case in CASES]
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text(json.dumps({"transformers": transformers.__version__, "cases": cases}) + "\n")
    for case in cases:
        print(case)


main()
