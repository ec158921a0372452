    known["weights"] = sum(weights.numel() for weights in trained.parameters())
