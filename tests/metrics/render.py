"""Writes docs/metrics.md and the dashboard of Grafana from the table of metrics: ``python -m
tests.metrics.render markdown|grafana``."""

import json
import sys
from typing import Any

from app.metrics.sampler import EVERY
from app.metrics.table import METRICS, Metric

HEAD = f"""\
# Metrics

<!-- Generated from app/metrics/table.py by `make docs`. Do not edit. -->

`GET /metrics` has the figures of all workers in Prometheus's text format, for the owner's key
(`KIRO_CLIENT_TOKEN`); another client's key gets a 403, since the figures name every key. At
`KIRO_METRICS_BIND` (for example `127.0.0.1:9102`) they need no key, and nothing is served there but
them and `/health`: let only those reach it who may see them. `KIRO_METRICS=false` counts nothing.

```yaml
scrape_configs:
  - job_name: kiro2api
    static_configs: [{{targets: ["127.0.0.1:8080"]}}]
    authorization: {{credentials_file: /etc/prometheus/kiro2api.key}}
```

[deploy/grafana/kiro2api.json](../deploy/grafana/kiro2api.json) is a dashboard to import, and
[deploy/prometheus/alerts.yml](../deploy/prometheus/alerts.yml) has rules for alerts.

Counts are exact across workers and reloads, and a worker that is killed takes none with it. They
begin anew when the server does, which Prometheus knows of counters. Gauges are written every
{EVERY:g} s. Requests are counted when they are over. Labels hold no names that clients made up: an
unknown model is `other`, and so is what comes after the first hundred values of a label.

Names that begin with `gen_ai_` are those of
[OpenTelemetry's conventions](https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/).

| Metric | Type | Labels | Meaning |
|---|---|---|---|
"""

QUANTILES = (0.5, 0.95, 0.99)


TAIL = """
## Traces

With `OTEL_EXPORTER_OTLP_ENDPOINT` (for example `http://127.0.0.1:4318`) and the extra `otel`
(`pip install '.[otel]'`), each request is sent to an OpenTelemetry collector as a span, over
HTTP. Below it is a span for each attempt upstream, with its account and how it failed. Attributes
have the names of the conventions for generative AI (`gen_ai.request.model`,
`gen_ai.usage.input_tokens`, ...); those of the gateway itself begin with `kiro2api.`. No text of
a prompt or an answer, no token and no key is among them; the name of the client's key is.

A client's `traceparent` is the parent, also if nothing is sent to a collector: the log line has
its `trace_id`, and the service is told of it. `tracestate` is not passed on. What a client does
not record is not sent, and what else the SDK reads from `OTEL_...` variables, such as sampling,
holds.

Spans are made when a request is over, and wait in a queue of bounded length: a collector that is
away holds up nobody. They cost about 0.15 ms of CPU for a request and twice that to send; what they
need is loaded only with this setting, 3 MB for all workers together, and the queue of a worker that
is under load grows to 9 MB.
"""


def markdown() -> str:
    """The page of documentation."""
    rows = []
    for metric in METRICS:
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        rows.append(f"| `{metric.exposed}` | {metric.kind} | {labels} | {metric.meaning} |")
    return HEAD + "\n".join(rows) + "\n" + TAIL


def queries(metric: Metric) -> list[tuple[str, str]]:
    """The queries of a metric's panel, each with its legend."""
    if metric.kind == "histogram":
        rate = f"sum by (le) (rate({metric.name}_bucket[$__rate_interval]))"
        return [(f"histogram_quantile({q}, {rate})", f"{q:.0%}") for q in QUANTILES]
    by = [label for label in metric.labels if label != "version"]
    grouped = f"sum by ({', '.join(by)}) " if by else "sum"
    legend = " ".join(f"{{{{{label}}}}}" for label in by) or metric.panel
    if metric.kind == "counter":
        return [(f"{grouped}(rate({metric.exposed}[$__rate_interval]))", legend)]
    if metric.merge == "livemin":
        return [(f"min({metric.exposed})", legend)]
    return [(f"{grouped}({metric.exposed})", legend)]


def panel(number: int, metric: Metric) -> dict[str, Any]:
    """One panel, two in a row."""
    source = {"type": "prometheus", "uid": "${datasource}"}
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": metric.panel,
        "description": metric.meaning,
        "datasource": source,
        "gridPos": {"h": 8, "w": 12, "x": 12 * (number % 2), "y": 8 * (number // 2)},
        "fieldConfig": {"defaults": {"unit": metric.unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": "ABC"[at], "datasource": source, "expr": expr, "legendFormat": legend}
            for at, (expr, legend) in enumerate(queries(metric))
        ],
    }


def dashboard() -> str:
    """The dashboard as Grafana imports it."""
    shown = [metric for metric in METRICS if metric.panel]
    made = {
        "uid": "kiro2api",
        "title": "kiro2api",
        "description": "Generated from app/metrics/table.py by `make docs`.",
        "tags": ["kiro2api"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {
            "list": [
                {
                    "name": "datasource",
                    "label": "Data source",
                    "type": "datasource",
                    "query": "prometheus",
                }
            ]
        },
        "panels": [panel(number, metric) for number, metric in enumerate(shown)],
    }
    return json.dumps(made, indent=2) + "\n"


if __name__ == "__main__":
    sys.stdout.write({"markdown": markdown, "grafana": dashboard}[sys.argv[1]]())
