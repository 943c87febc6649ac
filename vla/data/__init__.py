"""Datasets: column names, writing, the decoded-frame cache."""
