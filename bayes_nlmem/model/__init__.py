"""The sentence: what is assumed, as a frozen record."""
