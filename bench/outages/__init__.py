"""A real service under load while its database, or the service itself, is killed; what was promised is counted afterwards."""
