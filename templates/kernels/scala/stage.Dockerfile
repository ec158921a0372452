# Scala and a Java runtime. When the kernel first starts, it fetches its libraries into the volume /cache.
FROM {{ previous }} AS kernel-scala
# Java would take the home folder from /etc/passwd. Jupyter replaces ${HOME} when it starts the kernel: \x24 is a dollar sign.
# The launcher that coursier copies is a temporary file, which only root can read.
RUN --mount=type=bind,source=docker/image,target=/build \
    --mount=type=secret,id=network \
    . /build/network.sh \
 && mkdir /kernel-scala \
 && python -c 'from urllib.request import urlretrieve as get; \
      get("https://github.com/coursier/coursier/releases/download/v2.1.24/coursier", "/usr/local/bin/coursier")' \
 && chmod 755 /usr/local/bin/coursier \
 && echo openjdk-21-jre-headless >/tmp/apt.txt \
 && /build/apt-install.sh /tmp/apt.txt /kernel-scala \
 && . /build/network.sh \
 && coursier launch --use-bootstrap almond:0.14.1 --scala 2.13.16 -- --install --global \
 && mkdir -p /kernel-scala/usr/local/share/jupyter/kernels \
 && cp -R /usr/local/share/jupyter/kernels/scala /kernel-scala/usr/local/share/jupyter/kernels/ \
 && python -c 'import json, pathlib; \
      file = pathlib.Path("/kernel-scala/usr/local/share/jupyter/kernels/scala/kernel.json"); \
      spec = json.loads(file.read_text()); \
      spec["env"] = {**spec.get("env", {}), "JDK_JAVA_OPTIONS": "-Duser.home=\x24{HOME}"}; \
      file.write_text(json.dumps(spec, indent=2))' \
 && chmod -R a+rX /kernel-scala/usr/local/share/jupyter/kernels \
 && python -BI /build/same_times.py
