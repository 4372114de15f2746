"""What holds for every HTTP call: protocol limits, middleware, one exchange, who calls."""
