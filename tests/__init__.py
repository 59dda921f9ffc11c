"""Tests are sentences over real repositories in temporary directories."""
