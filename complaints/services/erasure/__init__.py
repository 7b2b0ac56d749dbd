"""Erasure of reports: when one is due, who proposes and confirms it, and the work itself."""
