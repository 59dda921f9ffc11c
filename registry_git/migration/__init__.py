"""Moving in and out: a whole registry from MLflow, and back to it."""
