"""Measures the budgets of docs/benchmarks.md against a production server of its own. Never part of a test: figures
belong to a machine. Each script runs by itself and prints one JSON object as its last line."""
