"""Checks of the machine: one file a group; what may crash or hang runs in a process of its own."""
