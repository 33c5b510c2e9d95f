"""Which model predicts better, and by how much more than chance."""
