"""Synthetic two-channel sample calls and the scripts that make them."""
