"""An SO-101 arm at a table with coloured things, containers and a button.

Importing it chooses the rendering backend, which MuJoCo reads once, at import.
"""

from envs.rendering import choose_backend

choose_backend()
