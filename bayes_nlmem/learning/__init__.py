"""Floor 5: fitting, and what was learnt."""
