{% if cookiecutter.__scikit_learn %}
"""Obtain the raw data: here the Wisconsin breast cancer data set, which is part of scikit-learn.

Put your own source in `download`.
"""

import pandas as pd
from sklearn.datasets import load_breast_cancer
{% else %}
"""Obtain the raw data: here made-up measurements of tumors. Put your own source in `download`."""

import numpy as np
import pandas as pd
{% endif %}

from {{ cookiecutter.package_name }}.files import ROOT, atomic_path, exit_on_os_error

RAW = ROOT / "data" / "raw" / "tumors.csv"


def download() -> pd.DataFrame:
    """Return a row for each tumor, with its measurements and its `diagnosis`."""
{% if cookiecutter.__scikit_learn %}
    bunch = load_breast_cancer(as_frame=True)
    return bunch.data.assign(diagnosis=bunch.target_names[bunch.target])
{% else %}
    random = np.random.default_rng(seed=0)
    malignant = random.random(600) < 0.4
    # On average, malignant cells are larger and less regular, but the two kinds overlap.
    means = {"radius": (12, 17), "texture": (18, 21), "concavity": (0.05, 0.16)}
    frame = pd.DataFrame()
    for name, (benign, worse) in means.items():
        frame[name] = random.normal(np.where(malignant, worse, benign), 0.2 * worse)
    return frame.assign(diagnosis=np.where(malignant, "malignant", "benign"))
{% endif %}


def main() -> None:
    """Write the raw data, unless they exist: raw data are never changed."""
    if RAW.exists():
        print(f"{RAW.relative_to(ROOT)} exists already")
        return
    with atomic_path(RAW) as path:
        download().to_csv(path, index=False)
    print(f"wrote {RAW.relative_to(ROOT)}")


if __name__ == "__main__":
    with exit_on_os_error():
        main()
