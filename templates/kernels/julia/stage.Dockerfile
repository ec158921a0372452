FROM julia:1.12-trixie AS julia

# Julia and the packages in julia/Project.toml. What a notebook installs goes to the volume /cache.
FROM {{ previous }} AS kernel-julia
ENV JULIA_DEPOT_PATH=/opt/julia-packages \
    # Without it, packages are compiled again on every other model of processor. Julia's own releases use this list.
    JULIA_CPU_TARGET="generic;sandybridge,-xsaveopt,clone_all;haswell,-rdrnd,base(1)"
RUN --mount=type=bind,source=docker/image,target=/build \
    --mount=type=bind,source=julia,target=/tmp/julia \
    --mount=type=bind,from=julia,source=/usr/local/julia,target=/usr/local/julia \
    [ "$(uname -m)" = x86_64 ] || unset JULIA_CPU_TARGET; \
    mkdir -p /opt/julia-packages/environments/v1.12 /kernel-julia/opt /kernel-julia/usr/local/bin /kernel-julia/usr/local/share/jupyter/kernels \
 && cp /tmp/julia/*.toml /opt/julia-packages/environments/v1.12/ \
 && PATH=/usr/local/julia/bin:$PATH julia -e 'using Pkg; Pkg.instantiate(); Pkg.precompile(); using IJulia; \
      installkernel("Julia"; specname = "julia", env = Dict("JULIA_DEPOT_PATH" => "/cache/julia:/opt/julia-packages:"))' \
 && mv /root/.local/share/jupyter/kernels/julia /kernel-julia/usr/local/share/jupyter/kernels/ \
 && mv /opt/julia-packages /kernel-julia/opt/ \
 && cp --archive /usr/local/julia /kernel-julia/usr/local/ \
 && ln -s ../julia/bin/julia /kernel-julia/usr/local/bin/julia \
 && python -BI /build/same_times.py
