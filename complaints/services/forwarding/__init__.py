"""Forwarding a case to an oversight body, and what the body does with the release.

A release has its own key pair. The body's team holds the key of its releases only, never that of a complaint.
"""
