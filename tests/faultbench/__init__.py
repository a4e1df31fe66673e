"""The fault bench: scenarios driven from outside, each followed by asking for the verdict."""
