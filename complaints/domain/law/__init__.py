"""The law on neutrality as dated rules, and one function that judges dated facts by them."""
