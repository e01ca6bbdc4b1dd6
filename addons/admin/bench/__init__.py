"""`pictrs-filter bench`: how many pictures this machine can judge, and how soon."""
