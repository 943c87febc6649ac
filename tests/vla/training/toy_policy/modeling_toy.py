from __future__ import annotations

from typing import Any

import torch
from lerobot.policies import PreTrainedPolicy
from torch import Tensor, nn

from tests.vla.training.toy_policy.configuration_toy import ToyConfig


class ToyPolicy(PreTrainedPolicy):
    config_class = ToyConfig  # pyright: ignore[reportAssignmentType]
    name = "toy"  # pyright: ignore[reportAssignmentType]

    def __init__(self, config: ToyConfig, **_: Any) -> None:
        super().__init__(config)
        self.cameras = list(config.image_features)
        assert config.robot_state_feature and config.action_feature
        self.width = config.action_feature.shape[0]
        inputs = config.robot_state_feature.shape[0] + 3 * len(self.cameras)
        self.net = nn.Sequential(
            nn.Linear(inputs, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, self.width * config.chunk_size)
        )
        self.register_buffer("fitted_episodes", torch.zeros(1))

    def fit(self, dataset: Any) -> None:
        self.get_buffer("fitted_episodes").fill_(dataset.num_episodes)

    def get_optim_params(self) -> Any:
        return self.parameters()

    def reset(self) -> None: ...

    def predict_action_chunk(self, batch: dict[str, Tensor], **_: Any) -> Tensor:
        colours = [batch[key].mean((-2, -1)) for key in self.cameras]
        features = torch.cat([batch["observation.state"], *colours], dim=-1)
        return self.net(features).unflatten(-1, (-1, self.width))

    def select_action(self, batch: dict[str, Tensor], **_: Any) -> Tensor:
        return self.predict_action_chunk(batch)[:, 0]

    def forward(self, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
        error = (self.predict_action_chunk(batch) - batch["action"]).abs()[~batch["action_is_pad"]]
        return error.mean(), {"largest_error": error.max().item()}
