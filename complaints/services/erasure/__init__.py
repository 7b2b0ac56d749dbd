"""Erasing reports: the work itself, what it leaves behind, and the list of erasures that outlives a backup."""
