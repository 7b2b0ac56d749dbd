"""Sample staff and sample reports, created by the same services as real ones; refused outside of sample mode."""
