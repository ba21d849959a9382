"""The training loop and what is trained with it: ERM and its oracles, fine-tuning, the head."""
