"""Rules that need neither database nor web request; every layer may call them, they import none of it."""
