"""Rules that need neither database nor request: plain Python, which every layer may call and which imports none."""
