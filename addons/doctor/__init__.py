"""What is wrong with this set-up, found out by looking: `pictrs-filter doctor`."""
