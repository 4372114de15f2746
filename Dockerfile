# The gateway without Ollama and without cloudflared: each of them has an image of its own, see compose.yaml.
# For amd64 and arm64 alike: docker buildx build --platform linux/amd64,linux/arm64 .

FROM python:3.13-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 \
    UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_PYTHON_DOWNLOADS=never
WORKDIR /build
COPY scripts/uv.txt ./
RUN pip install --require-hashes -r uv.txt
# First what seldom changes: this layer is made anew only when the lock file is.
COPY pyproject.toml uv.lock ./
RUN UV_PROJECT_ENVIRONMENT=/opt/localllm uv sync --frozen --no-dev --extra supabase --extra jwt --extra alerts --extra otel --no-install-project
COPY README.md CHANGELOG.md LICENSE ./
COPY gateway gateway
COPY tunnel tunnel
COPY sql sql
RUN UV_PROJECT_ENVIRONMENT=/opt/localllm uv sync --frozen --no-dev --extra supabase --extra jwt --extra alerts --extra otel --no-editable

FROM python:3.13-slim-bookworm
LABEL org.opencontainers.image.title="localllm" \
      org.opencontainers.image.description="API keys, token quotas and rate limits in front of Ollama" \
      org.opencontainers.image.licenses="MIT"
# A number, so that Kubernetes can see that it is not root; no shell, no home.
RUN groupadd --gid 10001 localllm \
    && useradd --uid 10001 --gid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin localllm \
    && install -d -o 10001 -g 10001 -m 700 /data
COPY --from=build /opt/localllm /opt/localllm
# All interfaces of the container, none of the machine: compose.yaml publishes the port on loopback only.
ENV PATH=/opt/localllm/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0 PORT=8000 DATA_DIR=/data
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
# Answers may take as long as GRACE in gateway/server.py, and settlements a moment more.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=4 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ['PORT']}/health\", timeout=4)"]
ENTRYPOINT ["localllm"]
CMD ["serve"]
