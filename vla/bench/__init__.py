"""Benchmarks of speed, one file each: a module with ``run(config) -> Report``; ``vla bench <file name>`` runs it."""
