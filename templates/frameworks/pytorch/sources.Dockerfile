# A mirror takes the place of PyTorch's index while the stages below run. `make lock` does not export its address.
ARG PYTORCH_INDEX=""
RUN --mount=type=bind,source=docker/image,target=/build \
    /build/mirror.sh "${PYTORCH_INDEX}" >/tmp/pytorch
# PyTorch's index has these, too. `make add` copies the source of the first one.
ENV SAME_SOURCE="torch torchaudio torchvision"
