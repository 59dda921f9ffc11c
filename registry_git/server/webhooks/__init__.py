"""Databricks' registry webhooks: who is told of what, and how that is delivered."""
