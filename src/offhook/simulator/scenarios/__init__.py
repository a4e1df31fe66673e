"""What fleets play, a file for each."""
