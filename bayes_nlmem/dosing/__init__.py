"""Individual dosing: what one patient's own data say, and which dose reaches the target."""
