"""The log of verdicts: one row each, written beside the proxy's way and never in it."""
