"""Train the model, and say how good it is."""

import json

from {{ cookiecutter.package_name }} import evaluate, features, {% if cookiecutter.__network %}gpu, {% endif %}model
from {{ cookiecutter.package_name }}.files import ROOT, one_line_errors, replacing

METRICS = ROOT / "reports" / "metrics.json"
FIGURES = ROOT / "reports" / "figures"


def main() -> None:
    """Write the model, its measures on rows that it has not seen, and figures of them."""
    train, test = features.prepare()
{% if cookiecutter.__network %}
    print(f"training on {gpu.device()} ({gpu.found() or 'the processor'})")
{% endif %}
    target = test.pop(features.TARGET)
    trained = model.fit(train.drop(columns=features.TARGET), train[features.TARGET])
    model.save(trained, model.FILE)

    scores = model.probability(trained, test)
    measures = evaluate.metrics(target, scores)
    with replacing(METRICS) as path:
        path.write_text(json.dumps(measures, indent=2) + "\n")
    print(f"wrote {model.FILE.relative_to(ROOT)} and {METRICS.relative_to(ROOT)}")
    figures = {
        "confusion_matrix": evaluate.confusion_matrix(target, scores),
        "roc_curve": evaluate.roc_curve(target, scores),
        "importance": evaluate.importance_chart(evaluate.importance(trained, test, target)),
    }
    for name, figure in figures.items():
        evaluate.save_figure(figure, FIGURES / f"{name}.png")
        print(f"wrote {(FIGURES / name).relative_to(ROOT)}.png")
    print(" ".join(f"{name}={value:.3g}" for name, value in measures.items()))


if __name__ == "__main__":
    with one_line_errors():
        main()
