# syntax=docker/dockerfile:1
# Two images without a shell, for users who are not root: the server with the files of Ray's dashboards, and the collector.
#
#   docker build --tag REGISTRY/ray-history:TAG .
#   docker build --tag REGISTRY/ray-history-collect:TAG --target ray-history-collect .
#
# Every RUN is a script of this repository. `make image` and `make image-collect` run the same scripts without a registry,
# in place of the first stages, and build the stages of the image as they are.

# Ray's dashboards, out of the ray wheels, with their licences.
FROM python:3.11-slim-bookworm AS dashboards
WORKDIR /work
COPY scripts/fetch-dashboard scripts/dashboard-versions.txt scripts/image-dashboards scripts/
RUN ["scripts/image-dashboards", "/out"]

# Debian 12's C library goes into the images: the programs must be built on the same.
FROM rust:1.95.0-bookworm AS sources
# The image has this compiler; without it rustup would fetch clippy and rustfmt for rust-toolchain.toml.
ENV RUSTUP_TOOLCHAIN=1.95.0
WORKDIR /work
COPY . .

FROM sources AS build-ray-history-collect
RUN ["scripts/image-build", "ray-history-collect", "/out"]

FROM sources AS build-ray-history
RUN ["scripts/image-build", "ray-history", "/out"]

FROM scratch AS labels
LABEL org.opencontainers.image.source="https://github.com/ray-history/ray-history" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"

# All settings come from the environment. The user is that of Ray's own images: a raylet's socket is its owner's alone.
FROM labels AS ray-history-collect
LABEL org.opencontainers.image.title="ray-history-collect" \
      org.opencontainers.image.description="Stores the events, logs and dashboard answers of a Ray cluster while it runs"
COPY --from=build-ray-history-collect /out /
USER 1000:100
EXPOSE 8085
ENTRYPOINT ["/usr/local/bin/ray-history-collect"]

FROM labels AS ray-history
LABEL org.opencontainers.image.title="ray-history" \
      org.opencontainers.image.description="Opens the Ray dashboard of a cluster after it is gone"
COPY --from=build-ray-history /out /
COPY --from=dashboards /out /
USER 65532:65532
EXPOSE 8080
ENV RAY_HISTORY_DASHBOARD_DIR=/usr/share/ray-dashboard \
    RAY_HISTORY_LISTEN=[::]:8080
ENTRYPOINT ["/usr/local/bin/ray-history"]
CMD ["serve"]
