"""Measures the budgets of README's section "Figures" on a portal that each script makes and removes. bench/README.md
says how to run them. Never part of a test: figures belong to a machine."""
