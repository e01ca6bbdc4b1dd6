"""HTTP, pict-rs and people: the mitmproxy addon, remote fetch, the command line. Knows no torch and no Pillow."""
