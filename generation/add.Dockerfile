# Runs generation/add_service.py or add_kernel.py for a project. The context is a clone of this template, with the project's
# files in .given.
ARG IMAGE

FROM ghcr.io/astral-sh/uv:0.13 AS uv

# As a user without privileges and without a network, since this runs code of the template.
FROM ${IMAGE} AS rendered
RUN --mount=type=bind,from=uv,source=/uv,target=/usr/local/bin/uv \
    --mount=type=cache,target=/cache/uv,uid=10001,gid=10001 \
    uv pip install --quiet --target /tmp/packages 'cookiecutter>=2.7,<3'
ARG WHAT
ARG NAME
WORKDIR /template
RUN --mount=type=bind,target=/template \
    --network=none \
    PYTHONPATH=/tmp/packages python -B -m "generation.add_${WHAT}" "${NAME}" .given /tmp/out

FROM scratch
COPY --from=rendered /tmp/out /
