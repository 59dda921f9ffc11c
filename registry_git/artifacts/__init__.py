"""The model files that versions point to: digests, copies, the MLmodel file. Never loads a model."""
