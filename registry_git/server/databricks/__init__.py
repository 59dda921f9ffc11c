"""What Databricks' model registry adds to MLflow's API: requests, comments, activities, permission levels."""
