"""Read the results of the simulation from S3."""

import json
import re
from io import StringIO

import pandas as pd
from botocore.exceptions import BotoCoreError, ClientError
from dotenv import dotenv_values
from s3fs import S3FileSystem

from {{ cookiecutter.package_name }}.files import ROOT

from services.access import ServiceError, wait_for


def settings() -> dict[str, str]:
    """Return the settings in `.env`, by what follows `SIMULATION_` in their names.

    `.env.example` has the defaults.
    """
    example = ROOT / "services" / "simulation" / ".env.example"
    defaults = StringIO(re.sub(r"(?m)^#(?=\w)", "", example.read_text(encoding="utf-8")))
    found = dotenv_values(stream=defaults)
    chosen = dotenv_values(ROOT / ".env", interpolate=False)
    found |= {name: value for name, value in chosen.items() if value}
    ours = re.compile("SIMULATION_(.*)")
    return {match[1]: value for name, value in found.items() if (match := ours.match(name))}


def files() -> S3FileSystem:
    """Return a file system with all that S3 has: `files().ls("simulation")` lists the bucket.

    Raises:
        ServiceError: The server is not running, or was never started.
    """
    options = settings()
    if options["S3_SERVER"] != "none":
        wait_for("simulation-s3", 8333, service="simulation")
    return S3FileSystem(
        key=options["S3_USER"],
        secret=options["S3_PASSWORD"],
        endpoint_url=options["S3_ENDPOINT"],
        client_kwargs={"region_name": options["S3_REGION"]},
        config_kwargs={"connect_timeout": 5, "retries": {"max_attempts": 2}},
        # The simulation may have stored more since.
        use_listings_cache=False,
        skip_instance_cache=True,
    )


def objects() -> dict[str, bytes]:
    """Return the contents of the objects that the simulation has stored, by their names.

    Raises:
        ServiceError: S3 cannot be used.
    """
    options = settings()
    store, bucket = files(), options["S3_BUCKET"]
    try:
        names = [name for name in store.find(bucket) if re.match(r"[^/]+/v\w+/.*\.json$", name)]
        return store.cat(names) if names else {}
    except FileNotFoundError:
        return {}
    # A ValueError is an endpoint that is not a URL.
    except (OSError, ValueError, BotoCoreError, ClientError) as error:
        problem = f"failed: {str(error).rstrip('.')}. Correct the settings"
        # The Versity S3 Gateway has a code of its own for an unknown user.
        if isinstance(error, PermissionError) or "XAdminUserNotFound" in str(error):
            needed = "SIMULATION_S3_USER and SIMULATION_S3_PASSWORD"
            problem = f"does not accept the key. Correct {needed}"
    raise ServiceError(f"S3 at {options['S3_ENDPOINT']} {problem} in .env.")


def results() -> pd.DataFrame:
    """Return the results of all runs: a row for each run and time, a column for each parameter.

    `mean` (µm) and `variance` (µm²) are those of the position over all paths at `time` (ms).
    `duration` (s) is how long the run took to compute.

    Raises:
        ServiceError: S3 cannot be used, or has no results.
    """
    runs = []
    for name, content in objects().items():
        try:
            run = json.loads(content)
            runs.append(run["parameters"] | run["result"])
            runs[-1] |= {"version": run["version"], "duration": run["duration"]}
        except (ValueError, TypeError, KeyError) as error:
            problem = f"the object {name} is not a result of the simulation. Remove it from S3."
            raise ServiceError(problem) from error
    if not runs:
        raise ServiceError("S3 has no results yet. Run: make simulate.")
    series = ["time", "mean", "variance"]
    rows = pd.DataFrame(runs).explode(series, ignore_index=True)
    return rows.astype(dict.fromkeys(series, float))
