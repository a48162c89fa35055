"""Attention of the tokens of a map to physical templates."""

from __future__ import annotations

from torch import Tensor, nn


class TemplateAttention(nn.Module):
    """Cross-attention with tokens as queries and templates as keys and values.

    Parameters
    ----------
    width : int
        Number of channels of a token.
    heads : int
        Number of attention heads.
    templates, length : int
        Number of templates, and of samples in each.
    """

    def __init__(self, width: int, heads: int, templates: int, length: int) -> None:
        super().__init__()
        self.embed = nn.Linear(length, width)
        self.kind = nn.Embedding(templates, width)
        self.norm = nn.LayerNorm(width)
        self.attend = nn.MultiheadAttention(width, heads, batch_first=True)

    def forward(self, maps: Tensor, templates: Tensor) -> Tensor:
        """Add the output of the attention to a map.

        Parameters
        ----------
        maps : Tensor [shape=(batch, width, time, wavelength)]
            Map of tokens.
        templates : Tensor [shape=(batch, template, length)]
            Physical templates.

        Returns
        -------
        Tensor [shape=(batch, width, time, wavelength)]
        """
        tokens = maps.flatten(2).transpose(1, 2)
        keys = self.embed(templates) + self.kind.weight
        found, _ = self.attend(self.norm(tokens), keys, keys, need_weights=False)
        return (tokens + found).transpose(1, 2).reshape(maps.shape)
