"""What Prometheus is shown: counted in files that all workers share, exact whatever ends one."""
