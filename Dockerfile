# The simulator alone: `docker build -t hopmark-sim . && docker run --rm -p 127.0.0.1:8080:8080 hopmark-sim`
FROM rust:1.95.0-slim-bookworm@sha256:d7482085ff5b415f84dba5647ae71606650bdef00db7aeb69f4b3d170c3e4082 AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked -p mock-backend

FROM debian:bookworm-20260824-slim@sha256:88200866dfff7ea7f5cbcb6ec7c8a701889efe6fe859fe64d6990e4b07ea4171
COPY --from=build /src/target/release/mock-backend /usr/local/bin/mock-backend
USER 65534
EXPOSE 8080
# Inside a container the loopback reaches nobody; publish the port on the loopback of the host.
ENTRYPOINT ["mock-backend", "--listen", "0.0.0.0:8080"]
