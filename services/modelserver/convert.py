{% set exporter %}
{% include "frameworks/" ~ cookiecutter.framework ~ "/onnx.py" ignore missing %}
{% endset %}
{% if exporter %}
{{ exporter }}
{%- else %}
"""The model as an ONNX graph. Write the conversion for your framework here."""

import sys

from {{ cookiecutter.package_name }} import model


def graph(trained: model.Model) -> None:
    """Return an onnx.ModelProto from rows to the probability of a true target.

    Raises:
        SystemExit: Always, because this project's framework has no conversion yet.
    """
    sys.exit("error: there is no conversion to ONNX. Write one in services/modelserver/convert.py.")
{% endif %}
