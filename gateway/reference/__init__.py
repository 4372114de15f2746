"""The public reference: one table of routes, from which OpenAPI and the pages are made."""
