"""MLflow's registry store on a Git repository: `mlflow.set_registry_uri("git+file:///srv/registry.git")`.

MLflow finds `store.GitStore` by the entry points of the group `mlflow.model_registry_store`. What it promises is held
by `registry_git.mlflow_rules`; here MLflow's classes are turned into plain values and back.
"""
