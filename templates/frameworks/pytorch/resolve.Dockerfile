RUN --mount=type=bind,source=docker/image,target=/build \
    /build/mirror.sh "$(cat /tmp/pytorch)"
