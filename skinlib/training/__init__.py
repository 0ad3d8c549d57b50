"""Training: a recipe, the run that follows it, and its state on disk."""
