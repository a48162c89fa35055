"""Attention of a map's tokens to templates of the physics."""

from __future__ import annotations

from torch import Tensor, nn


class TemplateAttention(nn.Module):
    """Attend from the tokens of a map to the templates, and add the result to the tokens.

    Parameters
    ----------
    width : int
        Channels of a token.
    heads : int
    templates, length : int
        Number of templates and samples in each.
    """

    def __init__(self, width: int, heads: int, templates: int, length: int) -> None:
        super().__init__()
        self.embed = nn.Linear(length, width)
        self.kind = nn.Embedding(templates, width)
        self.norm = nn.LayerNorm(width)
        self.attend = nn.MultiheadAttention(width, heads, batch_first=True)

    def forward(self, maps: Tensor, templates: Tensor) -> Tensor:
        """Add to every place of a map its attention to the templates.

        Parameters
        ----------
        maps : Tensor [shape=(batch, width, time, wavelength)]
        templates : Tensor [shape=(batch, template, length)]

        Returns
        -------
        Tensor [shape=(batch, width, time, wavelength)]
        """
        tokens = maps.flatten(2).transpose(1, 2)
        keys = self.embed(templates) + self.kind.weight
        found, _ = self.attend(self.norm(tokens), keys, keys, need_weights=False)
        return (tokens + found).transpose(1, 2).reshape(maps.shape)
