"""The training loop and its learners: ERM and its oracles, fine-tuning, the head."""
