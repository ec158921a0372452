{% if cookiecutter.framework == "none" %}
"""Obtain the raw data: here made-up measurements of tumours. Put your own source in `download`."""

import numpy as np
import pandas as pd
{% else %}
"""Obtain the raw data: here the Wisconsin breast cancer set, which scikit-learn brings along.

Put your own source in `download`.
"""

import pandas as pd
from sklearn.datasets import load_breast_cancer
{% endif %}

from {{ cookiecutter.package_name }}.files import ROOT, one_line_errors, replacing

RAW = ROOT / "data" / "raw" / "tumours.csv"


def download() -> pd.DataFrame:
    """Return one row for each tumour: its measurements, and its `diagnosis`."""
{% if cookiecutter.framework == "none" %}
    random = np.random.default_rng(seed=0)
    malignant = random.random(600) < 0.4
    # Malignant cells are larger and less regular on average; the two kinds overlap.
    means = {"radius": (12, 17), "texture": (18, 21), "concavity": (0.05, 0.16)}
    frame = pd.DataFrame()
    for name, (benign, worse) in means.items():
        frame[name] = random.normal(np.where(malignant, worse, benign), 0.2 * worse)
    return frame.assign(diagnosis=np.where(malignant, "malignant", "benign"))
{% else %}
    bunch = load_breast_cancer(as_frame=True)
    return bunch.data.assign(diagnosis=bunch.target_names[bunch.target])
{% endif %}


def main() -> None:
    """Write the raw data, unless they are there already: raw data are never changed."""
    if RAW.exists():
        print(f"{RAW.relative_to(ROOT)} is there already")
        return
    with replacing(RAW) as path:
        download().to_csv(path, index=False)
    print(f"wrote {RAW.relative_to(ROOT)}")


if __name__ == "__main__":
    with one_line_errors():
        main()
