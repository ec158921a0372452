# Scala and a Java runtime. When the kernel first starts, it fetches its libraries into the volume /cache.
FROM {{ previous }} AS kernel-scala
RUN --mount=type=bind,source=docker/image,target=/build \
    mkdir /kernel-scala \
 && python -c 'from urllib.request import urlretrieve as get; \
      get("https://github.com/coursier/coursier/releases/download/v2.1.24/coursier", "/usr/local/bin/coursier")' \
 && chmod 755 /usr/local/bin/coursier \
 && echo openjdk-21-jre-headless >/tmp/apt.txt \
 && /build/apt-install.sh /tmp/apt.txt /kernel-scala \
 && coursier launch almond:0.14.1 --scala 2.13.16 -- --install --global \
 && mkdir -p /kernel-scala/usr/local/share/jupyter/kernels \
 && cp -R /usr/local/share/jupyter/kernels/scala /kernel-scala/usr/local/share/jupyter/kernels/ \
 && python -BI /build/same_times.py
