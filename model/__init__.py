"""Bytes in, verdict out: formats, decoding, classifier, policy. Knows no HTTP, no mitmproxy, no pict-rs.

Nothing in here reports to anybody. onnxruntime would, from the moment that it is imported: its wheels (1.32, seen) make
a device id and a file of events below ~/.cache/Microsoft, for a server of Microsoft's. It heeds the first variable;
huggingface_hub, which counts what it is used for, the second. So they are set before either is imported.
"""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
