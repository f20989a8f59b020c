"""``CallerService``, and calls of named callers on their way into the memory: consent, keeping, withdrawal."""
