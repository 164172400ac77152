# The simulator alone: `docker build -t hopmark-sim . && docker run --rm -p 127.0.0.1:8080:8080 hopmark-sim`
FROM rust:1.95-slim AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked -p mock-backend

FROM debian:stable-slim
COPY --from=build /src/target/release/mock-backend /usr/local/bin/mock-backend
USER 65534
EXPOSE 8080
# Inside a container the loopback reaches nobody; publish the port on the loopback of the host.
ENTRYPOINT ["mock-backend", "--listen", "0.0.0.0:8080"]
