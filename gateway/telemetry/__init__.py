"""What a running gateway tells of itself: the log, metrics for Prometheus, and OpenTelemetry."""
