"""How ``policy=`` names a policy server."""

from __future__ import annotations

REMOTE = "remote"
"""Given as ``policy=``, stands for the server at the configured address."""
DEFAULT_URL = "ws://localhost:8000"
SCHEMES = ("ws://", "wss://")


def is_remote(policy: str) -> bool:
    """Whether ``policy`` names a server, and not a checkpoint."""
    return policy == REMOTE or policy.startswith(SCHEMES)


def server_url(policy: str, url: str = DEFAULT_URL) -> str:
    """Return the address that ``policy`` names; ``url`` if it says only ``remote``."""
    return url if policy == REMOTE else policy
