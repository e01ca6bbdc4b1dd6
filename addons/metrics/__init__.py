"""Numbers for Prometheus: what is counted, and under which bounded names."""
