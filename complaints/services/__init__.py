"""Every write: one use case a function, one transaction each, actor and time passed in."""
