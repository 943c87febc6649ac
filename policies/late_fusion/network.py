"""The network: encoders that do not see each other, and the head where they meet."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from policies.action_tokenizers import make_tokenizer
from policies.late_fusion import augmentation
from policies.late_fusion.actions import ActionSpace, relative_mask
from policies.late_fusion.attention import CameraAttention
from policies.late_fusion.configuration_late_fusion import LateFusionConfig
from policies.late_fusion.crop import crop_around, goal_center, projected_center
from policies.late_fusion.encoders import make_encoder
from policies.late_fusion.head import Conditioning, Regression, TokenLogits, Trunk
from policies.late_fusion.inputs import Inputs
from vla.data.sentences import shared_text_encoder

CROP = "goal_crop"


class LateFusionNetwork(nn.Module):
    """Inputs to logits (B, K, V) of action tokens, or to normalised actions (B, T, n) with the regression head."""

    def __init__(self, config: LateFusionConfig) -> None:
        super().__init__()
        self.config = config
        assert config.robot_state_feature is not None and config.action_feature is not None
        state_dim, action_dim = config.robot_state_feature.shape[0], config.action_feature.shape[0]
        relative = relative_mask(
            config.relative_actions, config.relative_exclude, config.action_feature_names, state_dim, action_dim
        )
        self.actions = ActionSpace(state_dim, action_dim, relative)
        views = [*config.image_features, *([CROP] if config.crop_size else [])]
        self.view_names = {view: view.rsplit(".", 1)[-1] for view in views}
        self.encoders = nn.ModuleDict(
            {
                name: make_encoder(
                    config.vision_encoder,
                    config.vision_width,
                    crop=view == CROP,
                    pretrained=not config.pretrained_path,
                )
                for view, name in self.view_names.items()
            }
        )
        self.encoders.requires_grad_(not config.freeze_vision)
        self.conditioning = Conditioning(config, state_dim)
        summary_dim = config.hidden_dim // 2
        self.attention = nn.ModuleDict(
            {
                name: CameraAttention(
                    encoder.channels,  # type: ignore[arg-type]
                    config.condition_dim,
                    config.attention_dim,
                    config.queries,
                    summary_dim,
                )
                for name, encoder in self.encoders.items()
            }
        )
        if config.crops_at_state:
            self.register_buffer("crop_projection", torch.tensor(config.crop_projection), persistent=False)
        self.dropped_view = nn.ParameterDict({name: torch.zeros(summary_dim) for name in self.encoders})
        self.trunk = Trunk(
            config.condition_dim + summary_dim * len(views), config.hidden_dim, config.head_blocks, config.dropout
        )
        self.tokenizer = None
        if config.head == "tokens":
            self.tokenizer = make_tokenizer(
                config.tokenizer, config.chunk_size, action_dim, **config.tokenizer_options()
            )
            self.output: nn.Module = TokenLogits(
                config.hidden_dim, self.tokenizer.num_tokens, self.tokenizer.vocab_size
            )
        else:
            self.output = Regression(config.hidden_dim, config.chunk_size, action_dim)

    def forward(self, inputs: Inputs) -> Tensor:
        """Return logits (B, K, V) or normalised actions (B, T, n), float32."""
        text = None
        if self.config.use_text:
            text = shared_text_encoder(self.config.text_encoder)(inputs.texts).to(inputs.states)
        return self.run(inputs.frames, inputs.states, inputs.goals, text)

    def run(self, frames: Mapping[str, Tensor], states: Tensor, goals: Tensor, text: Tensor | None) -> Tensor:
        """Return what ``forward`` does, of tensors alone.

        Args:
            frames: dataset column -> frames (B, 3, H, W), uint8 or float in [0, 1].
            states: (B, m).
            goals: (B, 5).
            text: sentence embeddings (B, d), or None for a policy without text.
        """
        state = self.actions.normalized_state(states)
        views, goal, crop_center = self._views(frames, goals, states)
        if self.training:
            state, goal, text = self._regularize(state, goal, text)
        with torch.autocast(state.device.type, enabled=False):  # bfloat16 would round joint angles and positions
            condition = self.conditioning(state, goal, text, crop_center)
        seen = None
        if self.training:
            seen = augmentation.keep_mask(len(state), self.config.vision_dropout, state.device)
        summaries = [self._summary(name, images, condition, seen) for name, images in views.items()]
        return self.output(self.trunk(torch.cat([condition, *summaries], dim=1)))

    def losses(self, outputs: Tensor, targets: Tensor, is_pad: Tensor) -> Tensor:
        """Return the loss of each sample (B,) from outputs, targets (B, T, n) and padded steps (B, T)."""
        if self.tokenizer is None:
            expected = (targets - self.actions.target_mean) / self.actions.target_deviation
            losses, counts = (outputs - expected).abs().mean(-1), ~is_pad  # (B, T)
        else:
            losses, counts = self.tokenizer.loss(outputs, targets), self.tokenizer.token_mask(is_pad)  # (B, K)
        return (losses * counts).sum(1) / counts.sum(1).clamp(min=1)

    def decode(self, outputs: Tensor) -> Tensor:
        """Return the targets (B, T, n) that outputs stand for."""
        if self.tokenizer is None:
            return outputs * self.actions.target_deviation + self.actions.target_mean
        return self.tokenizer.decode_logits(outputs)

    def _views(
        self, originals: Mapping[str, Tensor], goal: Tensor, states: Tensor
    ) -> tuple[dict[str, Tensor], Tensor, Tensor | None]:
        """Return frames in [-1, 1] a view, augmented in training, the goal that fits them, and the crop's centre."""
        config = self.config
        crop_center = None
        if self.training and config.has_goal:
            goal = augmentation.jitter_goal(goal, config.goal_jitter)
            goal = goal * augmentation.keep_mask(len(goal), config.goal_dropout, goal.device)
        views: dict[str, Tensor] = {}
        for key, original in originals.items():
            frames = original
            displacement = None
            if self.training and config.shift_pixels:
                frames, displacement = augmentation.random_shift(frames, config.shift_pixels)
                if key == config.goal_key:
                    goal = augmentation.move_goal(goal, displacement)
            gain, offset = self._colours(frames)
            if config.crop_size and key == config.goal_key:
                center = self._crop_center(goal, states, displacement)
                crop, crop_center = crop_around(frames, center, config.crop_size)
                views[CROP] = _centered(crop, gain, offset)
            size = config.image_size
            if size is not None and frames.shape[-2:] != (size, size):
                frames = _resized(frames, size)
            views[self.view_names[key]] = _centered(frames, gain, offset)
        return {name: views[name] for name in self.encoders}, goal, crop_center

    def _crop_center(self, goal: Tensor, states: Tensor, displacement: Tensor | None) -> Tensor:
        """Return where to crop (B, 2); goals have been moved along with the frames, and states have not."""
        if not self.config.crops_at_state:
            return goal_center(goal)
        center = projected_center(states, self.crop_projection)  # type: ignore[arg-type]
        if displacement is not None:
            center = center + displacement
        if self.training:
            center = center + self.config.goal_jitter * torch.randn_like(center)
        return center

    def _colours(self, frames: Tensor) -> tuple[Tensor | float, Tensor | float]:
        config = self.config
        if not self.training:
            return 1.0, 0.0
        return augmentation.colour_gains(len(frames), config.brightness, config.contrast, config.colour, frames.device)

    def _regularize(self, state: Tensor, goal: Tensor, text: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
        config = self.config
        state = state + config.state_noise * torch.randn_like(state)
        state = state * augmentation.keep_mask(len(state), config.state_dropout, state.device)
        if text is not None:
            text = text * augmentation.keep_mask(len(text), config.text_dropout, text.device)
        return state, goal, text

    def _summary(self, name: str, frames: Tensor, condition: Tensor, seen: Tensor | None) -> Tensor:
        """Return the summary (B, D) of one view; of samples that are not ``seen`` (B, 1) a learned vector instead.

        In training, the views of some other samples are dropped one by one.
        """
        summary = self.attention[name](self.encoders[name](frames), condition)
        if seen is None:
            return summary
        keep = seen * augmentation.keep_mask(len(summary), self.config.camera_dropout, summary.device)
        return keep * summary + (1 - keep) * self.dropped_view[name]


def _resized(frames: Tensor, size: int) -> Tensor:
    """Return frames (B, 3, size, size) of the same type; a CPU is faster on bytes, GPUs only take numbers for it."""
    direct = frames.device.type == "cpu" or frames.is_floating_point()
    resized = functional.interpolate(
        frames if direct else frames.float(), (size, size), mode="bilinear", antialias=True
    )
    return resized if direct else resized.round().to(frames.dtype)


def _centered(frames: Tensor, gain: Tensor | float, offset: Tensor | float) -> Tensor:
    """Return ``gain * frames + offset`` as float32, where frames, uint8 or float in [0, 1], first go to [-1, 1].

    In place and in two passes: on a CPU this is a noticeable part of an update.
    """
    scale = 1 / 127.5 if frames.dtype == torch.uint8 else 2.0
    return frames.to(torch.float32, copy=True).mul_(gain * scale).add_(offset - gain)
