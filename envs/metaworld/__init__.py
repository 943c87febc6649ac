"""Meta-World MT50: fifty tasks of a Sawyer arm, each with its sentence, after lerobot's conventions.

Importing it chooses the rendering backend, which MuJoCo reads once, at import.
"""

from envs.rendering import choose_backend

choose_backend()
