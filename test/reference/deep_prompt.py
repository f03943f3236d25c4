"""P-tuning v2's deep prompts for causal models in PyTorch, after the rules of THUDM/P-tuning-v2 at 2873f477.

- `model/prefix_encoder.py`, PrefixEncoder.__init__: without projection the parameter is an Embedding of pre_seq_len rows
  and layers·2·hidden columns; with it, Embedding(hidden), Linear(hidden, prefix_hidden_size), Tanh, Linear.
- `model/sequence_classification.py`, BertPrefixForSequenceClassification.get_prompt: the rows of the whole batch are viewed
  as [batch, pre_seq_len, 2·layers, heads, head size], dropout falls on single values of each example, and pairs of layers
  become keys and values.
- forward of the same class: ones before the attention mask, the pairs as past keys and values, all else frozen.

Grouped queries have fewer key heads: `hidden` is then their width. Dropout takes masks from a function, so that two
implementations can drop the same values.
"""

import torch
from torch import nn
from transformers import DynamicCache


class DeepPrompt(nn.Module):
    def __init__(self, model, length, rate, projection=None, draw=None):
        super().__init__()
        config = model.config
        self.model, self.length, self.rate, self.draw = model, length, rate, draw
        self.layers = config.num_hidden_layers
        self.heads = getattr(config, "num_key_value_heads", config.num_attention_heads)
        self.size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        width = self.heads * self.size
        total = 2 * self.layers * width
        self.embedding = nn.Embedding(length, width if projection else total)
        self.transform = nn.Sequential(nn.Linear(width, projection), nn.Tanh(), nn.Linear(projection, total)) if projection else None
        for parameter in model.parameters():
            parameter.requires_grad_(False)

    def rows(self):
        table = self.embedding.weight
        return self.transform(table) if self.transform else table

    def prefix(self, batch):
        values = self.rows().expand(batch, -1, -1)
        if self.training and self.rate > 0:
            values = values * self.draw(batch) / (1 - self.rate)
        values = values.view(batch, self.length, 2 * self.layers, self.heads, self.size).permute(2, 0, 3, 1, 4)
        cache = DynamicCache()
        for layer, (keys, content) in enumerate(values.split(2)):
            cache.update(keys, content, layer)
        return cache

    def forward(self, input_ids, attention_mask=None):
        batch = input_ids.shape[0]
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        before = torch.ones(batch, self.length, dtype=mask.dtype)
        return self.model(input_ids, attention_mask=torch.cat((before, mask), dim=1), past_key_values=self.prefix(batch))
