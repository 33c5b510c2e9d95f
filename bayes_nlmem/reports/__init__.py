"""Reports: one self-contained HTML page that tells a colleague what was assumed, seen and learnt."""
