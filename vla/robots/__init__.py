"""Arms: simulated ones that look like real ones."""
