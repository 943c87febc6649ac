"""The command `vla`."""
