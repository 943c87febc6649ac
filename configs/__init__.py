"""Hydra configurations of the command `vla`."""
