"""Late fusion: conditioning, camera summaries, and one parallel pass to a chunk of actions or action tokens."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from policies.late_fusion.attention import FOURIER_DIM, FREQUENCIES, fourier_features, waves
from policies.late_fusion.configuration_late_fusion import LateFusionConfig
from vla.types import GOAL_DIM

TEXT_PROJECTION = 128
TOKEN_DIM = 64


class Conditioning(nn.Module):
    """Text, state, goal box and crop position to one vector."""

    def __init__(self, config: LateFusionConfig, state_dim: int) -> None:
        super().__init__()
        self.text = nn.Linear(config.text_dim, TEXT_PROJECTION) if config.use_text else None
        size = state_dim * (1 + 2 * FREQUENCIES)
        size += TEXT_PROJECTION if config.use_text else 0
        size += GOAL_DIM + FOURIER_DIM if config.has_goal else 0
        size += FOURIER_DIM if config.crop_size else 0
        self.has_goal = config.has_goal
        self.layers = nn.Sequential(
            nn.Linear(size, config.condition_dim),
            nn.SiLU(),
            nn.Linear(config.condition_dim, config.condition_dim),
            nn.LayerNorm(config.condition_dim),
            nn.SiLU(),
        )

    def forward(self, state: Tensor, goal: Tensor, text: Tensor | None, crop_center: Tensor | None) -> Tensor:
        """Return the conditioning (B, D).

        Args:
            state: normalised (B, m).
            goal: (B, 5).
            text: sentence embeddings (B, d), or None for a policy without text.
            crop_center: (B, 2), or None for a policy without a crop.
        """
        parts = [state, waves(state)]
        if self.text is not None and text is not None:
            parts.append(self.text(text * text.shape[1] ** 0.5))  # unit vectors to unit variance
        if self.has_goal:
            parts += [goal, goal[:, :1] * fourier_features((goal[:, 1:3] + goal[:, 3:5]) / 2)]
        if crop_center is not None:
            parts.append(fourier_features(crop_center))
        return self.layers(torch.cat(parts, dim=1))


class Trunk(nn.Module):
    """Residual MLP over conditioning and camera summaries."""

    def __init__(self, input_dim: int, hidden_dim: int, blocks: int, dropout: float) -> None:
        super().__init__()
        self.input = nn.Linear(input_dim, hidden_dim)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.LayerNorm(hidden_dim),
                nn.Linear(hidden_dim, 2 * hidden_dim),
                nn.SiLU(),
                nn.Dropout(dropout),
                nn.Linear(2 * hidden_dim, hidden_dim),
            )
            for _ in range(blocks)
        )
        self.norm = nn.LayerNorm(hidden_dim)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return hidden states (B, hidden_dim) of inputs (B, input_dim)."""
        hidden = self.input(inputs)
        for block in self.blocks:
            hidden = hidden + block(hidden)
        return self.norm(hidden)


class TokenLogits(nn.Module):
    """Hidden state to the logits of ``K`` tokens at once: a learned slot each, and an output layer each."""

    def __init__(self, hidden_dim: int, num_tokens: int, vocab_size: int) -> None:
        super().__init__()
        self.num_tokens = num_tokens
        self.slots = nn.Linear(hidden_dim, num_tokens * TOKEN_DIM)
        self.weight = nn.Parameter(torch.randn(num_tokens, TOKEN_DIM, vocab_size) * TOKEN_DIM**-0.5)
        self.bias = nn.Parameter(torch.zeros(num_tokens, vocab_size))

    def forward(self, hidden: Tensor) -> Tensor:
        """Return logits (B, K, V) of hidden states (B, hidden_dim)."""
        slots = nn.functional.silu(self.slots(hidden)).view(-1, self.num_tokens, TOKEN_DIM)
        logits = torch.bmm(slots.transpose(0, 1), self.weight).transpose(0, 1)
        return logits.float() + self.bias


class Regression(nn.Module):
    """Hidden state to the normalised targets of a chunk."""

    def __init__(self, hidden_dim: int, chunk_size: int, action_dim: int) -> None:
        super().__init__()
        self.shape = (chunk_size, action_dim)
        self.layer = nn.Linear(hidden_dim, chunk_size * action_dim)

    def forward(self, hidden: Tensor) -> Tensor:
        """Return targets (B, T, n) in units of their deviation."""
        with torch.autocast(hidden.device.type, enabled=False):
            return self.layer(hidden.float()).view(-1, *self.shape)
