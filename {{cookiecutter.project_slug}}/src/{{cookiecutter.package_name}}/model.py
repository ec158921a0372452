{% include "frameworks/" ~ cookiecutter.framework ~ "/model.py" %}
