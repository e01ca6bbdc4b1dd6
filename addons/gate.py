"""Entry for those who run mitmproxy themselves: `mitmdump --mode reverse:http://127.0.0.1:9 -p 8081 -s addons/gate.py`.

The configuration is the file that PICTRS_FILTER_CONFIG names, else the shipped one. `pictrs-filter serve` is the
supported way; this one refuses to start under options that would open the gate (closed.py).
"""

import logging
import sys
from pathlib import Path

# mitmproxy puts this script's own folder on the path; the packages are one above it.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from addons import wiring
from config.load import load as load_config  # mitmproxy would take a function named `load` for a hook

logging.getLogger("pictrs_filter").setLevel(logging.INFO)
# Its finer levels quote requests that break off, cookies and all.
logging.getLogger("mitmproxy.proxy").setLevel(logging.ERROR)

addons = [wiring.build(load_config(), read=load_config).intercept]
