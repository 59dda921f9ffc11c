"""MLflow's own registry API, as `mlflow` and `curl` speak it; what it does is in `registry_git.mlflow_rules`."""
