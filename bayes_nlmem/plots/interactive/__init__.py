"""The same pictures for notebooks and HTML: hover for subject, time and value, select subjects (Plotly)."""
