"""Many gateways on one database: what each more costs, and where it ends (docs/scale.md)."""
