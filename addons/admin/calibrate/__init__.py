"""How often innocent pictures would be refused, at which threshold, with which certainty."""
