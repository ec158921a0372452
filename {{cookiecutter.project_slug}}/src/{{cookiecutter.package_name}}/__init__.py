"""The project's own code: data, features, train and predict, in the order in which they run."""

# The start of random numbers, for the split and for training.
SEED = 0
