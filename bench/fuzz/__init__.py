"""Requests that no browser sends, at every form and page that is found: ``make fuzz``, and short in the suite."""
