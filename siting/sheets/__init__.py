"""Sheets: what is known of a province, of a place, and of the named clusters, as text, page or JSON."""
