# Two stages: the first has pip and builds, the second has what runs and nothing else. An image
# without an engine: tests/image builds this file with buildah, from a Debian made by debootstrap.
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
WORKDIR /build
# the locked wheels first: their layer is reused until the lock changes
COPY requirements/redis.txt requirements/
RUN python3 -m venv /build/tools \
 && python3 -m venv --without-pip /opt/kiro2api \
 && tools/bin/pip --python /opt/kiro2api/bin/python install --no-cache-dir \
    --disable-pip-version-check --no-compile --only-binary :all: --require-hashes \
    -r requirements/redis.txt
COPY pyproject.toml README.md LICENSE wsgi.py gunicorn.conf.py ./
COPY app app
# fails for a Python that was built without profile-guided optimisation: it is a tenth slower
RUN python3 -I app/common/python_build.py
RUN tools/bin/pip wheel --quiet --no-cache-dir --disable-pip-version-check --no-deps -w wheel . \
 && tools/bin/pip --python /opt/kiro2api/bin/python install --no-cache-dir \
    --disable-pip-version-check --no-compile --no-deps wheel/*.whl \
 && python3 -m compileall -q --invalidation-mode unchecked-hash -j 0 /opt/kiro2api/lib \
 && install -d -o 1000 -g 1000 -m 700 /build/state

FROM ${PYTHON_IMAGE}
ARG VERSION=0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="kiro2api" \
      org.opencontainers.image.description="A gateway from the Anthropic and OpenAI APIs to the models of a Kiro account" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# nothing installs at run time
RUN rm -rf /usr/local/lib/python3.*/ensurepip /usr/local/lib/python3.*/site-packages/pip* \
    /usr/local/bin/pip* /usr/lib/python3/dist-packages/pip* /usr/bin/pip*
COPY --from=build /opt/kiro2api /opt/kiro2api
COPY --from=build --chown=1000:1000 /build/state /var/lib/kiro2api
# HOST: reachable from outside the container, hence a KIRO_CLIENT_TOKEN of your own is required.
# KIRO_TOKEN_FILE: in the volume, so that `kiro2api login` in the container lasts.
# (a path, and no secret)
# hadolint ignore=DL3064
ENV PATH=/opt/kiro2api/bin:$PATH \
    HOME=/var/lib/kiro2api \
    HOST=0.0.0.0 \
    KIRO_TOKEN_CACHE=/var/lib/kiro2api \
    KIRO_TOKEN_FILE=/var/lib/kiro2api/login/token.json \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
# a number, since Kubernetes' runAsNonRoot cannot look names up; 1000 is the first user of most
# machines, so that a token file mounted from one can be read
USER 1000:1000
WORKDIR /var/lib/kiro2api
EXPOSE 8080
# Logins, refreshed tokens, usage: the one thing that has to outlive the container. All else may be
# read-only; temporary files go to /tmp (a tmpfs where the root is read-only).
VOLUME /var/lib/kiro2api
# drains for KIRO_GRACEFUL_TIMEOUT (30 s): stop with a longer grace, for example --stop-timeout 40
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=10s --retries=3 \
    CMD ["python3", "-c", "import os, urllib.request as u; u.urlopen(f\"http://127.0.0.1:{os.environ.get('PORT') or 8080}/health\", timeout=4)"]
CMD ["kiro2api", "serve"]
