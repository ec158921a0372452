    settings = trained.get_params().items()
    known |= {name: value for name, value in settings if isinstance(value, str | int | float)}
