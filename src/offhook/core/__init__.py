"""Values and decisions. No I/O, no clock, no randomness, no logging."""
