"""The tests of the portal. Nothing imports them; they may import everything."""
