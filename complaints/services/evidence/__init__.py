"""Evidence on its way in, in storage, and out: sealed segments, draft rows, working copies."""
