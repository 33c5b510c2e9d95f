"""Floor 8: which model predicts better, and by how much more than chance."""
