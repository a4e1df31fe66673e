"""Virtual phones that speak the real protocols: for tests, benchmarks and trying things out."""
