"""The only place that knows AWS: frames, request bodies, hosts and HTTP."""
