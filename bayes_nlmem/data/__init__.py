"""Data: what was seen, checked at the door and kept unchanged."""
