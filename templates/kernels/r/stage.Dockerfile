# R and the packages in apt-r.txt. What a notebook installs with install.packages() goes to the volume /cache.
FROM {{ previous }} AS kernel-r
RUN --mount=type=bind,source=docker/image,target=/build \
    --mount=type=secret,id=network \
    --mount=type=bind,source=apt-r.txt,target=/tmp/apt-r.txt \
    mkdir /kernel-r \
 && /build/apt-install.sh /tmp/apt-r.txt /kernel-r \
 && mkdir -p /kernel-r/usr/local/share/jupyter/kernels \
 && cp -R /usr/lib/R/site-library/IRkernel/kernelspec /kernel-r/usr/local/share/jupyter/kernels/ir \
 && echo 'local({ home <- Sys.getenv("R_LIBS_USER"); dir.create(home, FALSE, TRUE); .libPaths(c(home, .libPaths())) })' \
      >>/kernel-r/etc/R/Rprofile.site \
 && python -BI /build/same_times.py
