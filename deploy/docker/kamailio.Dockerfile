# Kamailio with the command that makes its configuration. Build from the checkout:
#   docker build -f deploy/docker/kamailio.Dockerfile .
FROM debian:bookworm-slim
RUN apt-get update && apt-get install --yes --no-install-recommends \
        kamailio kamailio-extra-modules kamailio-postgres-modules kamailio-sqlite-modules \
        kamailio-tls-modules python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*
COPY . /opt/source
RUN python3 -m venv /opt/offhook && /opt/offhook/bin/pip install --no-cache-dir "/opt/source[postgres]" \
    && useradd --system --create-home --home-dir /var/lib/offhook offhook
USER offhook
WORKDIR /var/lib/offhook
ENV NODE=1
CMD ["sh", "-c", "/opt/offhook/bin/offhook engine kamailio-config --config config.yml --node $NODE --output /tmp/kamailio.cfg && exec kamailio -f /tmp/kamailio.cfg -DD -E -m 256 -M 16 -P /tmp/kamailio.pid -Y /tmp"]
