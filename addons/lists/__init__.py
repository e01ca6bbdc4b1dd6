"""Lists of hashes as files: found, watched, changed, and fetched from other servers."""
