"""What one can do with a registry: its use cases; the public Python API is this floor's facade."""
