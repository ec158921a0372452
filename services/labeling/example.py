"""Label ten drawings as two people, load the labels, and train a classifier on them."""

import json
from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw
from sklearn.linear_model import LogisticRegression

from {{ cookiecutter.package_name }}.files import exit_on_os_error

from services.labeling.client import agreement, image, labels, request

SHAPES = {"circle": ImageDraw.ImageDraw.ellipse, "square": ImageDraw.ImageDraw.rectangle}


def draw(shape: str, number: int) -> bytes:
    """Return a noisy drawing of a shape as a PNG. Its place and size depend on the number."""
    random = np.random.default_rng(number)
    noise = random.integers(0, 90, (64, 64), dtype=np.uint8)
    picture = Image.fromarray(noise)
    size, *corner = random.integers((20, 4, 4), (36, 24, 24)).tolist()
    SHAPES[shape](ImageDraw.Draw(picture), [*corner, corner[0] + size, corner[1] + size], fill=220)
    file = BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def pixels(content: bytes) -> np.ndarray:
    """Return the shape in an image, enlarged to the same size for all, as a row of numbers."""
    picture = Image.open(BytesIO(content)).convert("L").point(lambda value: 255 * (value > 150))
    return np.asarray(picture.crop(picture.getbbox()).resize((12, 12))).ravel() / 255


def step(path: str, body: dict) -> dict:
    """Do what a click in the page does, and return what the page shows then."""
    return json.loads(request(path, body, trial=True))


def main() -> None:
    """Upload, label, load, train and check."""
    request("trial", method="DELETE")
    truth = {}
    for number in range(10):
        shape = list(SHAPES)[number % 2]
        stored = json.loads(request("images", draw(shape, number), trial=True))
        truth[stored["image"]] = shape
    print(f"uploaded {len(truth)} images")

    people = ["Ann", "Bob"]
    views = {person: step("next", {"person": person}) for person in people}
    if views["Ann"]["task"]["image"] == views["Bob"]["task"]["image"]:
        raise SystemExit("error: two people have the same image. See: make logs SERVICE=labeling.")
    mistake = views["Bob"]["task"]["image"]
    while any(view["task"] for view in views.values()):
        for person in people:
            if task := views[person]["task"]:
                label = truth[task["image"]]
                if person == "Bob" and task["image"] == mistake:
                    label = next(shape for shape in SHAPES if shape != label)
                views[person] = step("label", {"person": person, "task": task, "label": label})
        print(f"{views['Bob']['labels']} of {views['Bob']['wanted']} labels", flush=True)

    rows = labels(trial=True)
    print(rows.tail(3).to_string(index=False))
    print(agreement(rows).round(3).to_string(index=False))
    if len(rows) != 20 or agreement(rows)["agreement"].tolist() != [0.9]:
        raise SystemExit("error: some labels are missing. See: make logs SERVICE=labeling.")

    known = rows[rows["person"] == "Ann"]
    model = LogisticRegression()
    model.fit([pixels(image(name, trial=True)) for name in known["image"]], known["label"].tolist())
    shapes = list(SHAPES) * 50
    new = [pixels(draw(shape, 1000 + number)) for number, shape in enumerate(shapes)]
    accuracy = model.score(new, shapes)
    print(f"trained on {len(known)} labels: {accuracy:.0%} of {len(new)} new images are right")
    if accuracy < 0.9:
        raise SystemExit("error: the classifier has not learned from the labels. Check them.")


if __name__ == "__main__":
    with exit_on_os_error():
        main()
