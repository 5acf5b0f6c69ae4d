# syntax=docker/dockerfile:1
# The server, and the files of Ray's dashboards, in an image without a shell, for a user who is not root.
#
#   docker build --tag REGISTRY/ray-history:TAG .
#
# Every RUN is a script of this repository. `make image` runs the same scripts without a registry, in place of the first
# two stages, and builds the last stage as it is.

# Ray's dashboards, out of the ray wheels, with their licences.
FROM python:3.11-slim-bookworm AS dashboards
WORKDIR /work
COPY scripts/fetch-dashboard scripts/dashboard-versions.txt scripts/image-dashboards scripts/
RUN ["scripts/image-dashboards", "/out"]

# Debian 12's C library goes into the image: the program must be built on the same.
FROM rust:1.95.0-bookworm AS build
# The image has this compiler; without it rustup would fetch clippy and rustfmt for rust-toolchain.toml.
ENV RUSTUP_TOOLCHAIN=1.95.0
WORKDIR /work
COPY . .
RUN ["scripts/image-build", "/out"]

FROM scratch
LABEL org.opencontainers.image.title="ray-history" \
      org.opencontainers.image.description="Opens the Ray dashboard of a cluster after it is gone" \
      org.opencontainers.image.source="https://github.com/ray-history/ray-history" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /out /
COPY --from=dashboards /out /
USER 65532:65532
EXPOSE 8080
ENV RAY_HISTORY_DASHBOARD_DIR=/usr/share/ray-dashboard \
    RAY_HISTORY_LISTEN=[::]:8080
ENTRYPOINT ["/usr/local/bin/ray-history"]
CMD ["serve"]
