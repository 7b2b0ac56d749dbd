"""Forwarding to a body and everything the body does: a release under a key of its own, and what is written on it.

Before a release the body's team has no key to anything; after it they hold the key of that release and never the
complaint's own.
"""
