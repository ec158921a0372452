"""Settings of all Jupyter programs: JupyterLab, nbconvert, and the tests of notebooks."""

c = get_config()  # noqa: F821 # Jupyter defines it

# Encrypt what a notebook and its kernel say to each other. A kernel that cannot do it runs without.
c.KernelManager.transport_encryption = "auto"

# Run all notebooks with the image's Python: they name the environment of the machine that they were
# written on, such as conda-root-py.
c.NbClientApp.kernel_name = c.ExecutePreprocessor.kernel_name = "python3"
