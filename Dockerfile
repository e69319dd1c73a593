# Siaga's one image: worker, board, topics and every other command but `up`. The embedded broker and its Java are in
# requirements-local.lock, which is not installed here.
#
# The tests of this repository run on this Python version. The image is pinned by its tag; to pin it by digest add
# `@sha256:...` after the first pull (`docker image inspect --format '{{index .RepoDigests 0}}'`).
ARG PYTHON_IMAGE=python:3.11.14-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /src
RUN python -m venv /opt/siaga && mkdir /data
COPY requirements.lock ./
# Every file is verified by its hash and is a wheel: nothing is built, so no unpinned build dependency runs.
RUN /opt/siaga/bin/pip install --require-hashes --only-binary :all: -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY schemas ./schemas
COPY streams ./streams
COPY agents ./agents
COPY apps ./apps
RUN /opt/siaga/bin/pip install --no-deps --no-build-isolation --no-index . \
    && /opt/siaga/bin/pip uninstall --yes setuptools pip \
    && /opt/siaga/bin/python -m compileall -q -j 0 /opt/siaga/lib

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="siaga" \
      org.opencontainers.image.description="Early warning for elections on Kafka"
COPY --from=build /opt/siaga /opt/siaga
# Empty: a volume mounted here takes its owner, so that `siaga cap --out /data` can write to one.
COPY --from=build --chown=10001:10001 /data /data
# State is in Kafka; files written here may be lost with the container (a tmpfs in compose and Kubernetes).
ENV PATH=/opt/siaga/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    SIAGA_DATA_DIR=/tmp/siaga \
    SIAGA_METRICS_HOST=0.0.0.0 \
    SIAGA_BOARD_HOST=0.0.0.0
WORKDIR /tmp
# A numeric user, so that Kubernetes can verify that it is not root. It owns only the empty /data.
USER 10001:10001
EXPOSE 9464 8080
STOPSIGNAL SIGTERM
# A worker says at its metrics port whether it is stuck; compose and Kubernetes define their own checks.
HEALTHCHECK --interval=10s --timeout=4s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + (os.environ.get('SIAGA_METRICS_PORT') or '9464') + '/healthz', timeout=3)"]
ENTRYPOINT ["siaga"]
CMD ["worker"]
