    known["weights"] = sum(weights.size for weights in trained.weights)
