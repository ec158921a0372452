# R and the packages in apt-r.txt.
FROM {{ previous }} AS kernel-r
RUN --mount=type=bind,source=docker/image,target=/build \
    --mount=type=bind,source=apt-r.txt,target=/tmp/apt-r.txt \
    mkdir /kernel-r \
 && /build/apt-install.sh /tmp/apt-r.txt /kernel-r \
 && mkdir -p /kernel-r/usr/local/share/jupyter/kernels \
 && cp -R /usr/lib/R/site-library/IRkernel/kernelspec /kernel-r/usr/local/share/jupyter/kernels/ir \
 && python -BI /build/same_times.py
