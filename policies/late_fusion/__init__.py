"""Late-fusion action-token policy; importing this package registers it with lerobot as ``late_fusion``."""

from policies.late_fusion.configuration_late_fusion import LateFusionConfig

__all__ = ["LateFusionConfig"]
