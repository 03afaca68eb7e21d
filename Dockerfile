# The proxy as a container: docs/how-to/run-as-a-service.md says how it is run. Nothing is written at run time, so the
# root file system may be read-only, and no right is needed: it runs as any user.

FROM python:3.12-slim AS build
WORKDIR /src
COPY . .
RUN python -m venv /build \
 && /build/bin/pip install --no-cache-dir --disable-pip-version-check build \
 && /build/bin/python -m build --wheel --outdir /wheels . \
 && python -m venv /opt/metaproto \
 && wheel=$(ls /wheels/*.whl) \
 && /opt/metaproto/bin/pip install --no-cache-dir --disable-pip-version-check "${wheel}[fast]"

FROM python:3.12-slim
LABEL org.opencontainers.image.title="metaproto" \
      org.opencontainers.image.description="A layer-7 proxy for any RPC protocol, configured by Envoy's bootstrap YAML" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/metaproto /opt/metaproto
ENV PATH=/opt/metaproto/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 CMD ["metaproto", "ready"]
ENTRYPOINT ["metaproto", "proxy"]
CMD ["-c", "/etc/metaproto/proxy.yaml"]
