"""What pict-rs speaks: its routes, its multipart, its answers."""
