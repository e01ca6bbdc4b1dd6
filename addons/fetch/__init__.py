"""Fetching pictures from addresses that strangers choose."""
