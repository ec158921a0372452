# `make train` logs the run.
TRAIN := -m services.mlflow.train
