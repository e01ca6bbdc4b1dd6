"""What an operator may say: settings and policy, in YAML and in the environment. The lowest floor: imports nothing of ours."""
