"""What an operator may say, in YAML and in the environment. The lowest floor: it imports nothing of ours."""
