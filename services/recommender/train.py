"""Learn from the purchases, and measure the recommendations. `make recommender` runs this."""

import json

from {{ cookiecutter.package_name }}.files import ROOT, atomic_path, exit_on_os_error

from services.recommender import model, purchases

METRICS = ROOT / "reports" / "recommender.json"
# Products that the shop shows.
K = 6
# The share of the purchases, the latest ones, that the model has to predict.
TEST = 0.2


def evaluate() -> dict[str, float]:
    """Learn from the earlier purchases, and return the precision for the later ones.

    Raises:
        OSError: There are no purchases, or a file cannot be read.
    """
    rows = purchases.read()
    if rows.empty:
        name = purchases.RAW.relative_to(ROOT)
        raise OSError(f"{name} has no purchases. Add some, or buy something in the shop.")
    split = rows["time"].quantile(1 - TEST)
    before, after = rows[rows["time"] < split], rows[rows["time"] >= split]
    learned = model.fit(before, list(purchases.products()))
    ours, popular = model.precision(learned, before, after, K)
    print(f"learned from {len(before)} purchases before {split:%Y-%m-%d}, tested on {len(after)}")
    return {f"precision_at_{K}": ours, f"precision_at_{K}_popular": popular}


def main() -> None:
    """Write the metrics, and a model of all purchases."""
    metrics = evaluate()
    with atomic_path(METRICS) as path:
        path.write_text(json.dumps(metrics, indent=2) + "\n")
    model.save(model.fit(purchases.read(), list(purchases.products())), model.FILE)
    print(f"wrote {model.FILE.relative_to(ROOT)} and {METRICS.relative_to(ROOT)}")
    print(" ".join(f"{name}={value:.3g}" for name, value in metrics.items()))


if __name__ == "__main__":
    with exit_on_os_error():
        main()
