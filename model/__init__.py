"""Bytes in, verdict out: formats, decoding, classifier, policy. Knows no HTTP, no mitmproxy, no pict-rs."""
