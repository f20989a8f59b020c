"""Generated from ``proto/simpatico/v1`` by ``tools/generate_proto.py``; do not edit. Only ``simpatico.server`` and ``simpatico.client`` use it."""
