"""Check `compose`: who reaches whom, by what `docker compose config` says of a project."""
