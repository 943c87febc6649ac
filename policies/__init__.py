"""Policies, each a lerobot policy plugin, and action tokenizers."""
