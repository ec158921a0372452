"""Train the model and evaluate it."""

import json

from {{ cookiecutter.package_name }} import data, evaluate, features, {% if cookiecutter.__uses_gpu %}gpu, {% endif %}model, trace
from {{ cookiecutter.package_name }}.files import ROOT, atomic_path, exit_on_os_error

METRICS = ROOT / "reports" / "metrics.json"
FIGURES = ROOT / "reports" / "figures"


def main() -> None:
    """Write the model, and its metrics and figures for rows that it was not trained on."""
    train, test = features.prepare()
{% if cookiecutter.__uses_gpu %}
    print(f"training on {gpu.device()} ({gpu.gpu_name() or 'the CPU'})")
{% endif %}
    target = test.pop(features.TARGET)
    trained = model.fit(train.drop(columns=features.TARGET), train[features.TARGET])
    model.save(trained, model.FILE)

    scores = model.probability(trained, test)
    metrics = evaluate.metrics(target, scores)
    with atomic_path(METRICS) as path:
        path.write_text(json.dumps(metrics, indent=2) + "\n")
    print(f"wrote {model.FILE.relative_to(ROOT)} and {METRICS.relative_to(ROOT)}")
    lost = evaluate.permutation_importance(trained, test, target)
    figures = {
        "confusion_matrix": evaluate.confusion_chart(target, scores),
        "roc_curve": evaluate.roc_chart(target, scores),
        "importance": evaluate.importance_chart(lost),
    }
    for name, figure in figures.items():
        evaluate.save_figure(figure, FIGURES / f"{name}.png")
        print(f"wrote {(FIGURES / name).relative_to(ROOT)}.png")
    trace.write([data.RAW, features.TRAIN, features.TEST], [model.FILE, METRICS])
    print(f"wrote {trace.TRACE.relative_to(ROOT)}")
    print(" ".join(f"{name}={value:.3g}" for name, value in metrics.items()))


if __name__ == "__main__":
    with exit_on_os_error():
        main()
