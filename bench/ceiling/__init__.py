"""This machine's ceiling for eGeMAPS with pitch, and where the core's time goes; see ``__main__.py``."""
