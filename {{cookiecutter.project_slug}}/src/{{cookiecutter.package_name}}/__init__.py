"""The project's own code: data, features, train and predict, in the order in which they run."""
