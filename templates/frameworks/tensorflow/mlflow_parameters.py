    known["weights"] = trained.count_params()
