"""Compare the results in S3 with the closed-form solution of the model in `src/trap.hpp`."""

import numpy as np
import pandas as pd

from {{ cookiecutter.package_name }}.files import exit_on_os_error

from services.simulation.client import results

# Boltzmann's constant in pN µm/K.
BOLTZMANN = 1.380649e-5
# The mean and the variance of fewer paths are too uncertain for a comparison.
FEWEST_PATHS = 1000


def closed_form(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the exact mean (µm) and variance (µm²) of the position for each row.

    The columns `mean_tolerance` and `variance_tolerance` are how far a result may be off: five
    standard errors, plus the largest error of the time steps, which is proportional to the share
    of the way to the center that one step goes.
    """
    friction = 6 * np.pi * rows["viscosity"] * rows["radius"]
    rate = rows["stiffness"] / friction
    step = rows["span"] / rows["steps"] * rate
    at_rest = BOLTZMANN * rows["temperature"] / rows["stiffness"]
    variance = at_rest * (1 - np.exp(-2 * rate * rows["time"]))
    return pd.DataFrame(
        {
            "mean": rows["start"] * np.exp(-rate * rows["time"]),
            "mean_tolerance": 5 * np.sqrt(variance / rows["paths"]) + step * rows["start"],
            "variance": variance,
            "variance_tolerance": 5 * variance * np.sqrt(2 / (rows["paths"] - 1)) + step * at_rest,
        }
    )


def main() -> None:
    """Compare all results, and print the last state of each run.

    Raises:
        SystemExit: A result is further from the closed-form solution than its tolerance, or no
            result can be compared.
    """
    rows = results().query("paths >= @FEWEST_PATHS").reset_index(drop=True)
    if rows.empty:
        raise SystemExit(f"error: no run has {FEWEST_PATHS} paths. Run: make example-simulation.")
    exact = closed_form(rows)
    last = rows.assign(exact_variance=exact["variance"]).query("time == span")
    columns = ["stiffness", "temperature", "seed", "variance", "exact_variance", "duration"]
    table = last.sort_values(columns)[columns]
    print(table.to_string(index=False, float_format="{:.3g}".format))

    print(f"{len(last)} runs, {len(rows)} times. The largest errors, as shares of the tolerance:")
    agrees = True
    for name in ("mean", "variance"):
        error = (rows[name] - exact[name]).abs() / exact[f"{name}_tolerance"]
        print(f"{name}: {error.max(skipna=False):.2f}")
        agrees &= bool((error < 1).all())
    if not agrees:
        raise SystemExit("error: the simulation and the closed form disagree. Check src/trap.hpp.")


if __name__ == "__main__":
    with exit_on_os_error():
        main()
