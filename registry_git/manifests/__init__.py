"""How a registry is written: entities to YAML text and back, schemas, paths, commit messages."""
