"""Training of any lerobot policy on a cached dataset, on lerobot's own update, processors and checkpoints."""
