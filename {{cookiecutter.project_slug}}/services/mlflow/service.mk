# `make train` logs the run.
TRAIN := services/mlflow/train.py
