"""The loop that runs episodes, and what takes part in it or watches it."""
