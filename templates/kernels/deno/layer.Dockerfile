# TypeScript and JavaScript. The kernel is a part of Deno, which the group kernel-deno in pyproject.toml installs.
# Later versions than 2.8.1 do not show the error if a cell cannot be parsed or an import fails:
# https://github.com/denoland/deno/issues/35290
RUN --mount=type=bind,from=uv,source=/uv,target=/usr/local/bin/uv \
    --mount=type=bind,source=docker/image,target=/build \
    --mount=type=bind,from=lists,source=/lists/pylock.kernel-deno.toml,target=/tmp/pylock.kernel-deno.toml \
    --mount=type=cache,target=/root/.cache/uv \
    --mount=type=secret,id=network \
    /build/install.sh /tmp/pylock.kernel-deno.toml \
 && HOME=/tmp/deno deno jupyter --install \
 && mv /tmp/deno/.local/share/jupyter/kernels/deno /opt/venv/share/jupyter/kernels/ \
 && rm -r /tmp/deno \
 && python -BI /build/same_times.py
