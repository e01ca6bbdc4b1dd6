"""What an administrator types and sees."""
