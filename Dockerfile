# syntax=docker/dockerfile:1
# The server, and the files of Ray's dashboard, in an image without a shell, for a user who is not root.
#
#   docker build --tag REGISTRY/ray-history:TAG .
#
# Every RUN is a script of this repository that also runs without Docker.

# Ray's dashboard, out of the ray wheel, with its licences. One version for all sessions: the newest that is supported
# shows the sessions of every Ray since 2.52.
FROM python:3.11-slim-bookworm AS dashboard
WORKDIR /work
COPY scripts/fetch-dashboard scripts/
RUN ["scripts/fetch-dashboard", "/dashboard"]

# Debian 12's C library, like the last stage's.
FROM rust:1.95.0-bookworm AS build
# The image has this compiler; without it rustup would fetch clippy and rustfmt for rust-toolchain.toml.
ENV RUSTUP_TOOLCHAIN=1.95.0
WORKDIR /work
COPY . .
RUN ["scripts/image-build", "/out"]

FROM gcr.io/distroless/cc-debian12:nonroot
LABEL org.opencontainers.image.title="ray-history" \
      org.opencontainers.image.description="Opens the Ray dashboard of a cluster after it is gone" \
      org.opencontainers.image.source="https://github.com/ray-history/ray-history" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=dashboard /dashboard/build /usr/share/ray-dashboard
COPY --from=dashboard /dashboard/LICENSE.ray.txt /usr/share/doc/ray-history/LICENSE.ray.txt
COPY --from=build /out/licenses /usr/share/doc/ray-history/crates
COPY LICENSE /usr/share/doc/ray-history/LICENSE
COPY --from=build /out/ray-history /usr/local/bin/ray-history
USER 65532:65532
EXPOSE 8080
ENV RAY_HISTORY_DASHBOARD_DIR=/usr/share/ray-dashboard \
    RAY_HISTORY_LISTEN=[::]:8080
ENTRYPOINT ["/usr/local/bin/ray-history"]
CMD ["serve"]
