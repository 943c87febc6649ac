"""Training stages of the vision-language model, on transformers' Trainer."""
