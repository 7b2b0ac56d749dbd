"""Sample staff and sample reports, made through the same services as real ones; refused outside of sample mode."""
