# The image of `make image`, for those who would rather build it with a container engine. The first stage needs the network: a
# base image with Rust, and the crates.
#
#   docker build --tag vouchsafe --build-arg VERSION=0.1.0 --build-arg REVISION="$(git rev-parse HEAD)" .
ARG RUST=docker.io/library/rust:1.95.0-bookworm
FROM ${RUST} AS build
WORKDIR /vouchsafe
COPY . .
# The base image's Rust is the one that rust-toolchain.toml names; its other components are not needed here.
RUN RUSTUP_TOOLCHAIN=1.95.0 scripts/image.sh rootfs /rootfs && mv /rootfs/var/lib /state

FROM scratch
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="vouchsafe" \
      org.opencontainers.image.description="Kubernetes image admission from Notary signatures that were verified beforehand" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /rootfs/ /
COPY --from=build --chown=65532:65532 /state/ /var/lib/
USER 65532:65532
WORKDIR /
EXPOSE 8443
ENTRYPOINT ["/vouchsafe"]
