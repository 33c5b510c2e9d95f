"""Floor 6: fitting, and what was learnt."""
