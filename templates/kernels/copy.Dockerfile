RUN --mount=type=bind,source=docker/image,target=/build \
    --mount=type=bind,from=kernel-{{ kernel }},source=/kernel-{{ kernel }},target=/kernel \
    cp --archive /kernel/. / \
 && python -BI /build/same_times.py
