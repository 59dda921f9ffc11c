"""What a tracking server says of the run that made a model. The only floor that reads MLflow's tracking store."""
