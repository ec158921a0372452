"""The project's own code: data, features, train, predict, in the order in which they run."""
