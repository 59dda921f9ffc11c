"""Where a registry lives: the only door to git."""
