"""The server's own API below /api/v1: what the protocols of MLflow and Databricks lack."""
