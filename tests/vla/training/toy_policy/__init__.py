"""A lerobot policy that trains in milliseconds, with dropout and a learning-rate schedule."""
