FROM python:3.13-slim

# 1000 is the first user of most machines, so that a token file mounted from one can be read
RUN useradd --uid 1000 --create-home --home-dir /var/lib/kiro2api kiro2api \
 && install -d -o kiro2api -g kiro2api /var/lib/kiro2api/.local/state/kiro2api

WORKDIR /srv/kiro2api
COPY requirements/redis.txt requirements/
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements/redis.txt
COPY . .
RUN python -m compileall -q app

USER kiro2api
# reachable from outside the container, hence a KIRO_CLIENT_TOKEN of your own is required
ENV HOST=0.0.0.0 \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
EXPOSE 8080
# refreshed tokens; without it a restart would use a refresh token that is spent
VOLUME /var/lib/kiro2api/.local/state/kiro2api
HEALTHCHECK --interval=15s --timeout=5s --start-period=10s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f\"http://127.0.0.1:{os.environ.get('PORT') or 8080}/health\", timeout=4)"]
CMD ["gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"]
