# For `make add-service`: makes this project twice from its template, as it was and with one service more. The context is
# what add-service.sh has put together.
ARG IMAGE
ARG UV

FROM ${UV} AS uv

# What runs here is the template's own code, as when the project was generated: as a user without rights.
FROM ${IMAGE} AS made
WORKDIR /tmp
ARG TEMPLATE
ARG COMMIT
RUN --mount=type=bind,from=uv,source=/uv,target=/usr/local/bin/uv \
    --mount=type=cache,target=/cache/uv,uid=10001,gid=10001 \
    uv pip install --quiet --target /tmp/packages 'cookiecutter>=2.7,<3'
RUN --mount=type=bind,target=/in \
    /in/scripts/template.sh "${TEMPLATE}" "${COMMIT}" /tmp/template
ARG NAME
RUN --mount=type=bind,target=/in \
    --network=none \
    PYTHONPATH=/tmp/packages python /in/scripts/add_service.py "${NAME}" /in /tmp/template /tmp/out

FROM scratch
COPY --from=made /tmp/out /
