"""The gate: whether a commit, a push or a request's branch may become part of the registry.

One piece of logic for `check --base`, for the hooks of a bare repository, and for whoever asks later.
"""
