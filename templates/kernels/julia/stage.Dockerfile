FROM ${REGISTRY_PREFIX}julia:1.12-trixie AS julia

# Julia and the packages in julia/Project.toml. What a notebook installs goes to the volume /cache, and is listed there in an
# environment of its own, since that of the image is read-only. Notebooks see both.
FROM {{ previous }} AS kernel-julia
# The empty part at the end stands for what comes with Julia.
ENV JULIA_DEPOT_PATH=/opt/julia-packages: \
    # Without it, packages are compiled again on every other model of processor. Julia's own releases use this list.
    JULIA_CPU_TARGET="generic;sandybridge,-xsaveopt,clone_all;haswell,-rdrnd,base(1)"
# \x24 is a dollar sign: Jupyter replaces ${HOME} when it starts the kernel.
RUN --mount=type=bind,source=docker/image,target=/build \
    --mount=type=bind,source=julia,target=/tmp/julia \
    --mount=type=bind,from=julia,source=/usr/local/julia,target=/usr/local/julia \
    --mount=type=secret,id=network \
    . /build/network.sh; \
    [ "$(uname -m)" = x86_64 ] || unset JULIA_CPU_TARGET; \
    mkdir -p /opt/julia-packages/environments/v1.12 /kernel-julia/opt /kernel-julia/usr/local/bin /kernel-julia/usr/local/share/jupyter/kernels \
 && cp /tmp/julia/*.toml /opt/julia-packages/environments/v1.12/ \
 && PATH=/usr/local/julia/bin:$PATH julia -e 'using Pkg; Pkg.instantiate(); Pkg.precompile(); using IJulia; \
      installkernel("Julia"; specname = "julia", \
        env = Dict("JULIA_DEPOT_PATH" => "\x24{HOME}/.julia:/opt/julia-packages:", "JULIA_PROJECT" => "@notebooks"))' \
 && mv /root/.local/share/jupyter/kernels/julia /kernel-julia/usr/local/share/jupyter/kernels/ \
 && mv /opt/julia-packages /kernel-julia/opt/ \
 && cp --archive /usr/local/julia /kernel-julia/usr/local/ \
 && ln -s ../julia/bin/julia /kernel-julia/usr/local/bin/julia \
 && python -BI /build/same_times.py
